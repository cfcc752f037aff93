"""What `aod status` says, from the head of an event log."""

from pathlib import Path

import pytest

from aod import status, status_text
from aod.attachments import to_mask
from aod.eventlog import EventLog
from aod.smb.connection import ConnectionEvent

CREATE = 5


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog.create(tmp_path, 1)


def _count(log: EventLog, command: int, **counters: int) -> None:
    for name, value in counters.items():
        log.header["stats"][name][command] = value


def test_sum_that_holds_and_one_that_does_not(log: EventLog) -> None:
    _count(log, CREATE, started=9, finished=7, emitted=4, filtered=2, dropped_ring_full=1)
    assert status.gather(log.path.parent).conserved
    _count(log, CREATE, finished=8)
    found = status.gather(log.path.parent)
    assert not found.conserved
    assert "sums         NO: something is missing" in status_text.render(found)


def test_events_that_this_kernel_does_not_tell_are_named(log: EventLog) -> None:
    assert "not seen" not in status_text.render(status.gather(log.path.parent))
    log.header["unseen_events"] = to_mask([ConnectionEvent.SESSION_EXPIRED])
    found = status.gather(log.path.parent)
    assert found.unseen == ("session expired",)
    assert "not seen     session expired\n" in status_text.render(found)


def test_commands_that_never_occurred_have_no_row(log: EventLog) -> None:
    _count(log, CREATE, started=1)
    assert list(status.gather(log.path.parent).commands) == ["SMB2_CREATE"]
