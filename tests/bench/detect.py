"""The detectors alone: ns per record, with the rules of conf/aod.yaml."""

import statistics
import time
from collections.abc import Iterator

import numpy as np

from aod.config.load import load
from aod.config.rules import rules
from aod.detectors.detector import Detector
from aod.event import EVENT_DTYPE, Events
from aod.smb.peers import Names
from scripts.vm.tools import REPO

RECORDS = 262_144
BATCH = 16_384
SMALL_BATCH = 400
ROUNDS = 15


def _stream(matching: float) -> Events:
    """Fast operations, and a share of them that is slow."""
    random = np.random.default_rng(1)
    events = np.zeros(RECORDS, EVENT_DTYPE)
    events["end_ns"] = np.arange(RECORDS) * 1000 + 10**12
    events["command"] = random.integers(5, 10, RECORDS)
    events["latency_ns"] = random.integers(100_000, 5_000_000, RECORDS)
    slow = random.random(RECORDS) < matching
    events["latency_ns"][slow] = 100_000_000
    return events


def _ns_per_record(events: Events, batch: int) -> float:
    made = rules(load(REPO / "conf" / "aod.yaml").config)
    detector = Detector(made, 0, Names)
    start = time.perf_counter_ns()
    for first in range(0, RECORDS, batch):
        detector.feed(events[first : first + batch])
    return (time.perf_counter_ns() - start) / RECORDS


def figures() -> Iterator[dict[str, object]]:
    """ns per record for normal traffic, and for storms; the last one in batches as they come at
    200,000 records a second."""
    for name, matching, batch in (
        ("no match", 0.0, BATCH),
        ("1 in 1000 matches", 0.001, BATCH),
        ("1 in 10", 0.1, BATCH),
        ("every record matches", 1.0, BATCH),
        ("every record matches, small batches", 1.0, SMALL_BATCH),
    ):
        events = _stream(matching)
        cost = statistics.median(_ns_per_record(events, batch) for _ in range(ROUNDS))
        yield {"figure": f"detect, {name}", "batch": batch, "ns_per_record": round(cost, 2)}
