"""Counting records by what they are."""

import numpy as np
import pytest

from aod.config.rules import rules
from aod.event import CONNECTION, IN_FLIGHT, OWN, UNANSWERED
from aod.replay import suggest as module
from aod.replay.suggest import OTHER_STATUSES, Survey, timed
from aod.smb.commands import Command
from aod.smb.ntstatus import NUMBERS
from tests.unit.replay.replaying import config, operations

DENIED, MISSING = NUMBERS["STATUS_ACCESS_DENIED"], NUMBERS["STATUS_OBJECT_NAME_NOT_FOUND"]


def made() -> Survey:
    error, latency = rules(config())
    return Survey(latency, error)


def test_records_are_counted_by_what_they_are() -> None:
    events = operations(Command.SMB2_READ, [10] * 7)
    events["flags"] = [0, 0, 0, IN_FLIGHT, UNANSWERED, CONNECTION, CONNECTION]
    events["command"][5:] = 20
    found = made()
    for part in np.array_split(events, 3):
        found.add(part)
    counts = (found.records, found.in_flight, found.never_answered, found.connection_events)
    assert counts == (7, 1, 1, 2)
    assert found.latencies.count(Command.SMB2_READ) == 3


def test_only_commands_that_there_are_are_timed() -> None:
    events = operations(Command.SMB2_READ, [10] * 4)
    events["command"] = [18, 19, 31, 255]
    assert timed(events)["command"].tolist() == [18]


def test_our_own_operations_ask_for_no_threshold() -> None:
    events = operations(Command.SMB2_READ, [10] * 3)
    events["flags"] = [0, OWN, OWN | IN_FLIGHT]
    assert timed(events)["flags"].tolist() == [0]


def test_emergencies_are_counted_by_command_when_they_have_finished() -> None:
    events = operations(Command.SMB2_FLUSH, [2999, 3000, 5000, 5000])
    events["flags"][3] = IN_FLIGHT
    found = made()
    found.add(events)
    found.add(operations(Command.SMB2_READ, [999, 1000, 1001]))
    assert found.emergencies.nonzero()[0].tolist() == [Command.SMB2_FLUSH, Command.SMB2_READ]
    assert (found.emergencies[Command.SMB2_FLUSH], found.emergencies[Command.SMB2_READ]) == (2, 2)


def test_failures_are_counted_by_status_and_by_the_error_rule() -> None:
    events = operations(Command.SMB2_CREATE, [1] * 6)
    events["status"] = [0, DENIED, DENIED, MISSING, MISSING, MISSING]
    events["error"] = [0, -13, -13, -2, -2, -2]
    found = made()
    found.add(events[:4])
    found.add(events[4:])
    assert found.statuses == {DENIED: 2, MISSING: 3}
    assert found.counted == {DENIED: 2}


def test_statuses_without_end_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COUNTED_STATUSES", 2)
    events = operations(Command.SMB2_CREATE, [1] * 5)
    events["status"], events["error"] = [11, 12, 13, 14, 11], -5
    found = made()
    found.add(events)
    assert found.statuses == {11: 2, 12: 1, OTHER_STATUSES: 2}
