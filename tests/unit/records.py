"""Records and rules for the tests of the log and of the detectors."""

from typing import Any, NamedTuple

import numpy as np

from aod.detectors.api import Frame
from aod.detectors.error import Error, ErrorRule
from aod.detectors.latency import Latency, LatencyRule
from aod.event import COMMANDS, EVENT_DTYPE, IN_FLIGHT, Events
from aod.kernel.thresholds import NEVER_NS
from aod.settings import Mode
from aod.smb.commands import Command


class Record(NamedTuple):
    """A record, but for what the tests here do not care about."""

    end_ns: int
    latency_ns: int = 0
    mid: int = 0
    in_flight: bool = False
    error: int = 0
    status: int = 0
    session_id: int = 1
    command: int = Command.SMB2_WRITE


def events(*rows: Record) -> Events:
    """The records as a batch."""
    made = np.zeros(len(rows), EVENT_DTYPE)
    for index, row in enumerate(rows):
        fields = row._asdict()
        fields["flags"] = IN_FLIGHT if fields.pop("in_flight") else 0
        for name, value in fields.items():
            made[name][index] = value
    made["tree_id"], made["pid"], made["comm"] = 5, 4321, b"cp"
    return made


def numbered(first: int, count: int) -> Events:
    """Records that carry their own position, as mid and as end_ns."""
    made = np.zeros(count, EVENT_DTYPE)
    made["mid"] = made["end_ns"] = np.arange(first, first + count, dtype=np.uint64)
    return made


def frame(kind: str, name: str, **changes: Any) -> Frame:
    """Of a rule for tests: no cool-down, a window of 1000 ns, but for what a test says."""
    fields: dict[str, Any] = {
        "acceptable_count": 10,
        "window_ns": 1000,
        "cooldown_ns": 0,
        "actions": ("dmesg",),
    }
    return Frame(kind=kind, name=name, **(fields | changes))


def slow_rule(threshold_ns: int, emergency_ns: int = NEVER_NS, **changes: Any) -> LatencyRule:
    """A rule with one threshold for all commands; `changes` are of its frame."""
    thresholds_ns = np.full(COMMANDS, threshold_ns, np.uint64)
    emergencies_ns = np.full(COMMANDS, emergency_ns, np.uint64)
    return LatencyRule(
        frame("Latency", "slow", **changes), Latency(), thresholds_ns, emergencies_ns
    )


def error_rule(*tracked: str, **changes: Any) -> ErrorRule:
    """Counts these codes and no others."""
    settings = Error(mode=Mode.TRACKONLY, track_codes=tracked)
    return settings.rule(frame("Error", "failed", **changes))
