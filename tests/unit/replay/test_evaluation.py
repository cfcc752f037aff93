"""Evaluating a file is what the detectors make of its records, however they lie in it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aod.config.load import load_text
from aod.config.rules import rules
from aod.config.schema import Config
from aod.detectors.connection import Connection
from aod.detectors.detector import Detector
from aod.detectors.renewal import RENEWAL_NS
from aod.event import Events
from aod.recording.sources import opened
from aod.replay.evaluation import Evaluation, Total
from tests.unit.detectors.expiring import expiry
from tests.unit.recordings import NAMES, OFFSET_NS, SECOND, batch, write
from tests.unit.ruling import configured

MS = 1_000_000
TEXT = """
guardian:
  anomalies:
    slow: {type: Latency, acceptable_count: 2, cooldown_sec: 1, emergency_threshold_ms: 60}
    failed: {type: Error, acceptable_count: 1, cooldown_sec: 5}
"""


def config() -> Config:
    return load_text(TEXT.encode(), Path("aod.yaml")).config


def stream(steps: list[tuple[int, int, int]]) -> Events:
    """WRITEs, so many ms apart, of this latency in ms and error."""
    made = batch(0, len(steps))
    made["end_ns"] = 10 * SECOND + np.cumsum([step for step, _, _ in steps], dtype=np.int64) * MS
    made["latency_ns"] = [latency * MS for _, latency, _ in steps]
    made["error"] = [error for _, _, error in steps]
    made["status"] = np.where(made["error"] != 0, 0xC0000022, 0)
    made["command"] = 9
    return made


STEPS = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from([1, 30, 70]), st.sampled_from([0, 0, -13])),
    min_size=1,
    max_size=60,
)


@settings(max_examples=50)
@given(STEPS, st.lists(st.integers(1, 20), max_size=8))
def test_what_is_declared_is_what_the_detectors_declare(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int]], sizes: list[int]
) -> None:
    events = stream(steps)
    parts = np.split(events, np.minimum(np.cumsum(sizes, dtype=np.int64), len(events)))
    with opened(write(tmp_path_factory.mktemp("r") / "r", *parts)) as source:
        evaluation = Evaluation(source, config())
        found = list(evaluation.anomalies())
    detector = Detector(rules(config()), OFFSET_NS, lambda: NAMES)
    expected = detector.feed(events).anomalies
    # Anomalies of one batch name each other only backwards, so their order is that of time.
    assert found == expected
    summary = evaluation.summary()
    assert (summary.records, summary.anomalies) == (len(events), len(expected))
    assert summary.totals == tuple(
        Total(
            name=one.name,
            anomaly=one.anomaly,
            declared=sum(each.name == one.name for each in expected),
            by_count=sum(each.name == one.name and each.rule == "count" for each in expected),
            at_once=sum(each.name == one.name and each.rule == "emergency" for each in expected),
            suppressed=one.suppressed + one.suppressed_before,
            hanging=one.hanging,
        )
        for one in detector.episodes()
    )


def test_time_begins_with_the_recording_or_with_the_first_record(tmp_path: Path) -> None:
    events = stream([(5, 1, 0)])
    np.save(tmp_path / "events.npy", events)
    for path, start_ns in (
        (write(tmp_path / "r", events), SECOND),
        (tmp_path / "events.npy", int(events["end_ns"][0])),
    ):
        with opened(path) as source:
            evaluation = Evaluation(source, config())
            assert list(evaluation.anomalies()) == []
            assert evaluation.start_ns == start_ns


@pytest.mark.parametrize("missing_ns", [0, 1])
def test_the_end_of_a_recording_is_a_time_like_any_other(tmp_path: Path, missing_ns: int) -> None:
    expired = expiry(5 * SECOND)
    end_ns = 5 * SECOND + RENEWAL_NS - missing_ns
    with opened(write(tmp_path / "r", expired, end_ns=end_ns)) as source:
        evaluation = Evaluation(source, configured(broken=Connection()))
        found = list(evaluation.anomalies())
    assert len(found) == evaluation.summary().anomalies == 1 - missing_ns


def test_no_records_are_no_anomalies(tmp_path: Path) -> None:
    with opened(write(tmp_path / "r")) as source:
        evaluation = Evaluation(source, config())
        assert list(evaluation.anomalies()) == []
        assert (evaluation.summary().records, evaluation.summary().anomalies) == (0, 0)
