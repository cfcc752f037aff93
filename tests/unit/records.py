"""Records and rules for the tests of the log and of the detectors."""

from typing import Any, NamedTuple

import numpy as np

from aod.event import COMMANDS, EVENT_DTYPE, IN_FLIGHT, Events
from aod.rules import NEVER_NS, ErrorRule, LatencyRule
from aod.smb.commands import Command
from aod.verdicts import Verdicts


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


def slow_rule(threshold_ns: int, emergency_ns: int = NEVER_NS, **changes: Any) -> LatencyRule:
    """The same thresholds for every command; the rest as a test says."""
    fields: dict[str, Any] = {
        "name": "slow",
        "acceptable_count": 10,
        "window_ns": 1000,
        "cooldown_ns": 0,
        "actions": ("dmesg",),
    }
    return LatencyRule(
        threshold_ns=np.full(COMMANDS, threshold_ns, np.uint64),
        emergency_ns=np.full(COMMANDS, emergency_ns, np.uint64),
        **(fields | changes),
    )


def error_rule(*tracked: str, **changes: Any) -> ErrorRule:
    """Counts these codes and no others."""
    fields: dict[str, Any] = {
        "name": "failed",
        "acceptable_count": 10,
        "window_ns": 1000,
        "cooldown_ns": 0,
        "actions": ("dmesg",),
    }
    verdicts = Verdicts.of(tracked=tracked, excluded=(), by_default=False)
    return ErrorRule(verdicts=verdicts, **(fields | changes))
