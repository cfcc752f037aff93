"""Records of known latencies, and a configuration to count them with."""

from pathlib import Path

import numpy as np

from aod.config.load import load_text
from aod.config.schema import Config
from aod.detectors.latency import Latency
from aod.event import Events, joined
from aod.replay.thresholds import Counting
from aod.smb.commands import Command
from tests.unit.recordings import SECOND, batch

MS = 1_000_000
TEXT = """
guardian:
  anomalies:
    failed:
      type: Error
    slow:
      type: Latency
      acceptable_count: 2
      cooldown_sec: 10
      track_commands:
        - command: SMB2_WRITE
          threshold: 50
        - command: SMB2_FLUSH
          threshold: 70
          emergency_threshold_ms: 3000
"""


def config(text: str = TEXT) -> Config:
    return load_text(text.encode(), Path("aod.yaml")).config


def counting(text: str = TEXT, name: str = "slow") -> Counting:
    made = config(text)
    latency = made.guardian.anomalies[name]
    assert isinstance(latency, Latency)
    return Counting(made, name, latency)


def operations(
    command: Command, latencies_ms: list[float], *, at_sec: float = 10, apart_ms: float = 1
) -> Events:
    """Finished operations, so far apart."""
    made = batch(0, len(latencies_ms))
    steps = np.arange(len(latencies_ms)) * int(apart_ms * MS)
    made["end_ns"] = int(at_sec * SECOND) + steps
    made["latency_ns"] = [int(ms * MS) for ms in latencies_ms]
    made["command"] = command
    return made


def mixed(*parts: Events) -> Events:
    """In order of time."""
    events = joined(*parts)
    return events[np.argsort(events["end_ns"], kind="stable")]
