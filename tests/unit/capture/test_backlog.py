"""Patience: what fails is tried again, less and less often, and fails permanently in the end."""

import logging
from pathlib import Path

import msgspec
import pytest

from aod.anomaly import Cause
from aod.capture.backlog import AT_ONCE, MAX_UNSPOOLED, RETRY_DELAYS_SEC, Backlog
from aod.state import spool
from aod.state.ledger import Kind, Ledger
from tests.unit.samples import anomaly

LOG = logging.getLogger("test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / spool.FOLDER
    spool.prepare(path)
    return path


@pytest.fixture
def backlog(folder: Path) -> Backlog:
    return Backlog(folder, LOG, Ledger(folder.parent, folder, LOG))


def due(backlog: Backlog, now: float = 0.0, busy: tuple[int, ...] = ()) -> list[int]:
    backlog.refresh()
    return [one.timestamp for one in backlog.due(now, busy)]


def test_the_spool_is_the_backlog_oldest_first(folder: Path, backlog: Backlog) -> None:
    for timestamp in (30, 4, 20):
        spool.write(folder, anomaly(timestamp=timestamp))
    assert due(backlog) == [4, 20, 30]
    assert due(backlog, busy=(20,)) == [4, 30]
    assert len(backlog) == 3


def test_what_is_done_is_gone(folder: Path, backlog: Backlog) -> None:
    path = spool.write(folder, anomaly(timestamp=4))
    backlog.refresh()
    backlog.done(4, Kind.SEALED)
    assert not path.exists()
    assert due(backlog) == []


def test_a_failure_is_retried_with_growing_delay_and_then_fails_permanently(
    folder: Path, backlog: Backlog
) -> None:
    spool.write(folder, anomaly(timestamp=4))
    now, delays = 100.0, []
    while due(backlog, now):
        backlog.failed(4, now, "disk full")
        if len(backlog) == 0:
            break
        delay = next(sec for sec in range(1, 1000) if due(backlog, now + sec))
        delays.append(delay)
        now += delay
    assert tuple(delays) == RETRY_DELAYS_SEC
    assert backlog.set_aside == 1
    assert [path.name for path in folder.iterdir()] == ["4.rejected"]


def test_one_failure_does_not_hold_up_the_next(folder: Path, backlog: Backlog) -> None:
    for timestamp in (4, 5):
        spool.write(folder, anomaly(timestamp=timestamp))
    backlog.failed(4, 0.0, "disk full")
    assert due(backlog) == [5]


def test_an_entry_that_is_not_ours_fails_permanently_at_once_and_is_logged_once(
    folder: Path, backlog: Backlog, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "3.json").write_text("{}")
    spool.write(folder, anomaly(timestamp=4))
    assert due(backlog) == [4]
    assert due(backlog) == [4]
    assert backlog.set_aside == 1
    assert [record.getMessage()[:31] for record in caplog.records] == [
        "anomaly 3 failed permanently: n"
    ]


def test_what_cannot_be_renamed_is_not_looked_at_again(folder: Path, backlog: Backlog) -> None:
    (folder / "3.json").write_text("{}")
    (folder / "3.rejected" / "full").mkdir(parents=True)
    assert due(backlog) == []
    assert due(backlog, 1e9) == []
    assert backlog.set_aside == 1


def test_an_entry_that_cannot_be_removed_ends_nothing_and_is_looked_at_no_more(
    folder: Path,
    backlog: Backlog,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(f"{path}: read-only")

    monkeypatch.setattr(spool, "remove", refuse)
    for timestamp in (1, 2, 3):
        spool.write(folder, anomaly(timestamp=timestamp))
    backlog.refresh()
    assert [one.timestamp for one in backlog.refuse(2, 0.0, ())] == [3]
    backlog.done(1, Kind.SEALED)
    assert due(backlog, 1e9) == [2]
    assert backlog.refuse(1, 0.0, ()) == []
    assert sum("stays in the spool" in line for line in caplog.messages) == 2


def test_an_anomaly_that_only_a_message_brings_is_kept(backlog: Backlog) -> None:
    backlog.offer(anomaly(timestamp=4))
    backlog.offer(anomaly(timestamp=4))
    assert due(backlog) == [4]
    backlog.done(4, Kind.SEALED)
    assert due(backlog) == []


def test_a_message_for_what_is_spooled_is_a_doorbell(folder: Path, backlog: Backlog) -> None:
    spool.write(folder, anomaly(timestamp=4, count=11))
    backlog.offer(anomaly(timestamp=4, count=12))
    [one] = backlog.due(0.0, ())
    assert one.count == 11
    assert len(backlog) == 1


def test_an_unspooled_anomaly_fails_like_any_other(backlog: Backlog) -> None:
    backlog.offer(anomaly(timestamp=4))
    now = 0.0
    for delay in RETRY_DELAYS_SEC:
        backlog.failed(4, now, "disk full")
        assert due(backlog, now) == []
        now += delay
        assert due(backlog, now) == [4]
    backlog.failed(4, now, "disk full")
    assert due(backlog, 1e9) == []


@pytest.mark.parametrize(
    "changes",
    [{"timestamp": -4}, {"timestamp": 0}, {"timestamp": 10**20}, {"evidence": b"x"}]
    + [{"trigger_ns": time_ns} for time_ns in (-1, 1 << 63)],
)
def test_a_message_that_cannot_be_is_refused(backlog: Backlog, changes: dict[str, object]) -> None:
    backlog.offer(anomaly(**changes))
    assert len(backlog) == 0


def test_messages_cannot_fill_the_memory(backlog: Backlog) -> None:
    for timestamp in range(1, MAX_UNSPOOLED + 10):
        backlog.offer(anomaly(timestamp=timestamp))
    assert len(backlog) == MAX_UNSPOOLED


def test_what_a_person_asks_for_comes_with_an_entry_only(folder: Path, backlog: Backlog) -> None:
    assert not backlog.offer(anomaly(timestamp=4, rule=Cause.MANUAL))
    assert len(backlog) == 0
    spool.write(folder, anomaly(timestamp=4, rule=Cause.MANUAL))
    assert backlog.offer(anomaly(timestamp=4, rule=Cause.MANUAL))
    assert due(backlog) == [4]


def test_a_link_that_nobody_can_follow_is_an_entry_and_no_anomaly(
    folder: Path, backlog: Backlog
) -> None:
    (folder / "4.json").symlink_to(folder / "nowhere")
    assert backlog.offer(anomaly(timestamp=4))
    assert due(backlog) == []


def test_a_flood_is_looked_at_in_parts(folder: Path, backlog: Backlog) -> None:
    for timestamp in range(1, AT_ONCE + 11):
        (folder / f"{timestamp}.json").write_bytes(b"{")
    assert due(backlog) == []
    assert len(backlog) == 10
    assert due(backlog) == []
    assert len(backlog) == 0


def test_of_a_flood_of_anomalies_as_many_are_refused_at_once(
    folder: Path, backlog: Backlog
) -> None:
    for timestamp in range(1, AT_ONCE + 13):
        (folder / f"{timestamp}.json").write_bytes(
            msgspec.json.encode(anomaly(timestamp=timestamp))
        )
    backlog.refresh()
    assert len(backlog.refuse(2, 0.0, ())) == AT_ONCE
    assert len(backlog.refuse(2, 0.0, ())) == 10


def test_what_is_postponed_has_not_failed(folder: Path, backlog: Backlog) -> None:
    spool.write(folder, anomaly(timestamp=1))
    for until in range(1, 10):
        backlog.postpone(1, until)
        assert due(backlog, until - 0.1) == []
        assert due(backlog, until) == [1]
    assert backlog.set_aside == 0
