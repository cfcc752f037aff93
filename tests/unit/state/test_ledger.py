"""Every anomaly has one outcome, whoever is killed, and however many there are."""

import logging
import os
from pathlib import Path

import pytest

from aod.capture.backlog import MAX_UNSPOOLED, Backlog
from aod.state import ledger, spool
from aod.state.ledger import KEPT, MAX_ENTRIES, NAME, Kind, Ledger, LedgerReader
from aod.transport.position import Evaluated, ReadPosition
from tests.unit.samples import anomaly

LOG = logging.getLogger("test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / spool.FOLDER
    spool.prepare(path)
    return path


def opened(folder: Path) -> Ledger:
    return Ledger(folder.parent, folder, LOG)


def read(folder: Path) -> ledger.State:
    reader = LedgerReader(folder.parent)
    assert reader.update()
    return reader.state


def test_an_outcome_is_counted_once_whoever_is_killed(folder: Path) -> None:
    first = opened(folder)
    first.enter(7, Kind.SEEN)
    first.close_entry(7, Kind.SEALED)
    second = opened(folder)  # killed before it removed the entry
    second.enter(7, Kind.SEEN)
    second.close_entry(7, Kind.REFUSED)
    state = read(folder)
    assert state.counts == {Kind.SEEN: 1, Kind.SEALED: 1}
    assert state.outcomes == {7: Kind.SEALED}
    assert state.open == []


def test_what_nobody_entered_has_no_outcome(folder: Path) -> None:
    opened(folder).close_entry(7, Kind.SEALED)
    assert not read(folder).counts


def test_what_an_earlier_run_left_is_carried_over(folder: Path) -> None:
    spool.write(folder, anomaly(timestamp=4))
    made = opened(folder)
    made.enter(4, Kind.SEEN)
    assert read(folder).counts == {Kind.CARRIED: 1}
    assert read(folder).open == [4]


def test_without_its_ledger_what_was_declared_before_is_no_loss(folder: Path) -> None:
    ReadPosition.open(folder.parent).commit(Evaluated(100, 0, 9, 2))
    opened(folder)
    assert read(folder).counts == {Kind.SEEN: 7, Kind.FORGOTTEN: 7}


def test_a_full_ledger_keeps_its_sums_and_the_newest(folder: Path) -> None:
    made, reader = opened(folder), LedgerReader(folder.parent)
    total = 3 * MAX_ENTRIES
    made.enter(10**9, Kind.ASKED)  # never ends
    for timestamp in range(1, total + 1):
        made.enter(timestamp, Kind.SEEN)
        made.close_entry(timestamp, Kind.SEALED if timestamp % 2 else Kind.REFUSED)
        if timestamp % 1000 == 0:
            assert reader.update()
            assert reader.state.counts[Kind.SEEN] == timestamp
    expected = {Kind.ASKED: 1, Kind.SEEN: total, Kind.SEALED: total / 2, Kind.REFUSED: total / 2}
    for state in (read(folder), opened(folder).state):
        assert state.counts == expected
        assert state.open == [10**9]
        assert KEPT <= len(state.outcomes) <= MAX_ENTRIES
        assert total in state.outcomes
    assert (folder.parent / NAME).stat().st_size == MAX_ENTRIES * 16


def test_what_is_damaged_is_not_read_and_is_written_over(folder: Path) -> None:
    made = opened(folder)
    for timestamp in (1, 2, 3):
        made.enter(timestamp, Kind.SEEN)
    with (folder.parent / NAME).open("r+b") as file:
        file.seek(16)
        file.write(os.urandom(16))
    assert read(folder).open == [1]
    opened(folder).enter(5, Kind.SEEN)
    assert read(folder).open == [1, 5, 3]


def test_there_is_no_ledger(tmp_path: Path) -> None:
    assert not LedgerReader(tmp_path).update()
    (tmp_path / NAME).symlink_to("/etc/passwd")
    assert not LedgerReader(tmp_path).update()


def test_a_full_disk_ends_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened(folder)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    made.enter(1, Kind.SEEN)
    made.close_entry(1, Kind.SEALED)
    assert made.state.counts == {Kind.SEEN: 1, Kind.SEALED: 1}


def test_what_only_the_memory_of_a_dead_capture_held_is_lost_and_counted(folder: Path) -> None:
    first = Backlog(folder, LOG, opened(folder))
    for timestamp in range(1, MAX_UNSPOOLED + 3):
        first.offer(anomaly(timestamp=timestamp))
    assert read(folder).counts == {Kind.UNSPOOLED: MAX_UNSPOOLED + 2, Kind.LOST: 2}
    first.done(1, Kind.SEALED)
    Backlog(folder, LOG, opened(folder)).settle()
    state = read(folder)
    assert state.counts[Kind.LOST] == MAX_UNSPOOLED + 1
    assert (state.counts[Kind.SEALED], state.open) == (1, [])


def test_what_was_refused_and_is_declared_again_is_not_captured(folder: Path) -> None:
    spool.write(folder, anomaly(timestamp=4))
    spool.write(folder, anomaly(timestamp=5))
    first = Backlog(folder, LOG, opened(folder))
    first.refresh()
    assert [one.timestamp for one in first.refuse(1, 0.0, ())] == [5]
    spool.write(folder, anomaly(timestamp=5))  # by a detect that was killed before
    second = Backlog(folder, LOG, opened(folder))
    second.refresh()
    assert [one.timestamp for one in second.due(0.0, ())] == [4]
    assert spool.pending(folder) == [folder / "4.json"]
    assert read(folder).counts[Kind.REFUSED] == 1
