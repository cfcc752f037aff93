"""An event log with records that matter, and who reads it, in the folders of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zmq

from aod import log
from aod.config.schema import AnomalyConfig, Config, Guardian
from aod.detectors.error import Error
from aod.detectors.latency import Latency
from aod.event import EVENT_DTYPE, Events
from aod.smb.commands import Command
from aod.stages.base import StageContext
from aod.supervision import folders
from tests.rig.configs import bare

SECOND = 10**9
START_NS = 1000 * SECOND
SLOW_NS = 30_000_000


def configured(root: Path, *, cooldown_sec: float = 60, **more: AnomalyConfig) -> Config:
    """More than 10 writes of over 20 ms, or more than 10 EACCES, within a second; and `more`."""
    latency = Latency(cooldown_sec=cooldown_sec)
    error = Error(track_codes=("EACCES",), cooldown_sec=cooldown_sec)
    return bare(root, guardian=Guardian(anomalies={"slow": latency, "failed": error, **more}))


def operations(count: int, *, at_ns: int = START_NS, latency_ns: int = SLOW_NS) -> Events:
    """Writes, a millisecond apart."""
    made = np.zeros(count, EVENT_DTYPE)
    made["end_ns"] = at_ns + np.arange(count) * 1_000_000
    made["latency_ns"] = latency_ns
    made["command"] = Command.SMB2_WRITE
    made["mid"] = np.arange(count)
    return made


def failures(count: int, *, at_ns: int = START_NS) -> Events:
    made = operations(count, at_ns=at_ns, latency_ns=1)
    made["error"], made["status"] = -13, 0xC0000022
    return made


@contextmanager
def detect_context(
    root: Path, *, cooldown_sec: float = 60, **more: AnomalyConfig
) -> Iterator[StageContext]:
    """What the detect stage runs in, in this process."""
    config = configured(root, cooldown_sec=cooldown_sec, **more)
    folders.prepare(config, log.ROOT)
    zmq_context = zmq.Context()
    made = StageContext("detect", config, zmq_context)
    try:
        yield made
    finally:
        zmq_context.destroy(linger=0)  # before it closes: nobody waits for what is queued
        made.close()
