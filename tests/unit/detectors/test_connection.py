"""Connection rules: what happened to a connection, and nothing else."""

import numpy as np
import pytest

from aod.config.rules import kernel_thresholds
from aod.detectors.connection import Connection
from aod.event import CONNECTION
from aod.kernel.thresholds import NEVER_NS
from aod.smb.commands import Command, ConnectionEvent
from tests.unit.ruling import MS, configured, only, stream

ALL = stream([(0, 0, 0, event, CONNECTION) for event in ConnectionEvent])


def test_every_event_counts_but_a_mount_in_vain_and_one_is_too_many() -> None:
    rule = only(Connection())
    missed = ALL["command"][~rule.matches(ALL)].tolist()
    assert missed == [ConnectionEvent.CONNECT_FAILED]
    assert not rule.emergencies(ALL).any()
    assert rule.frame.acceptable_count == 0


def test_events_narrow_it() -> None:
    rule = only(Connection(events=("reconnect", "session_expired")))
    found = ALL["command"][rule.matches(ALL)].tolist()
    assert found == [ConnectionEvent.RECONNECT, ConnectionEvent.SESSION_EXPIRED]


def test_operations_are_no_events() -> None:
    operations = stream([(2000 * MS, 0xC0000022, -13, command, 0) for command in Command])
    assert not only(Connection()).matches(operations).any()


def test_the_kernel_wakes_for_the_events_that_count_and_for_no_operation_but_logons() -> None:
    """`recorder: matching` must not leave out what settles an expiry."""
    thresholds = kernel_thresholds(configured(it=Connection(events=("reconnect",))))
    woken = np.flatnonzero(thresholds.emergency_ns != NEVER_NS).tolist()
    assert woken == [ConnectionEvent.RECONNECT]
    assert thresholds.emergency_ns[ConnectionEvent.RECONNECT] == 0
    reached = np.flatnonzero(thresholds.threshold_ns != NEVER_NS).tolist()
    assert reached == [Command.SMB2_SESSION_SETUP]
    assert thresholds.threshold_ns[Command.SMB2_SESSION_SETUP] == 0
    assert not thresholds.tracked_errors.any()


@pytest.mark.parametrize("name", ["Reconnect", "smb3_reconnect", ""])
def test_an_unknown_event_is_a_fault(name: str) -> None:
    (fault,) = Connection(events=(name,)).faults()
    assert fault.where == ("events", 0)
    assert "allowed: reconnect, send_cut, session_expired" in fault.text


def test_check_says_what_is_left_out() -> None:
    assert list(only(Connection()).described())[-1] == (
        "left out",
        "connect_failed, unless in events",
    )


def test_check_says_what_each_event_is() -> None:
    every = tuple(event.name.lower() for event in ConnectionEvent)
    said = [text for _, text in only(Connection(events=every)).described()]
    assert said == [f"{event.name.lower()}: {event.phrase}" for event in ConnectionEvent]
