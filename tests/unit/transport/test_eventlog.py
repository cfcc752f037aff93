"""The event log's files: who may open them, and what is refused."""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aod import log
from aod.transport.eventlog import HEADER_BYTES, HEADER_DTYPE, EventLog
from aod.transport.position import (
    LOG_NAME,
    POSITION_NAME,
    Evaluated,
    EventLogError,
    OtherVersionError,
    ReadPosition,
    read_evaluated,
)
from tests.unit.records import numbered
from tests.unit.transport.test_eventlog_ring import append

STRANGER = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    EventLog.create(tmp_path, 1)
    return tmp_path / LOG_NAME


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_log_is_empty_and_of_the_size_asked_for(tmp_path: Path) -> None:
    log = EventLog.create(tmp_path, 2)
    assert (log.capacity, log.position, log.oldest) == (32_768, 0, 0)
    assert (tmp_path / LOG_NAME).stat().st_size == HEADER_BYTES + (2 << 20)
    assert [path.name for path in tmp_path.iterdir()] == [LOG_NAME]


def test_offset_makes_a_records_time_the_time_of_day(tmp_path: Path) -> None:
    log = EventLog.create(tmp_path, 1)
    offset = time.time_ns() - time.monotonic_ns()
    assert abs(log.realtime_offset_ns - offset) < 10**9


def test_files_are_for_owner_and_group_alone_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        EventLog.create(tmp_path, 1)
        ReadPosition.open(tmp_path)
    finally:
        os.umask(old)
    assert mode(tmp_path / LOG_NAME) == mode(tmp_path / POSITION_NAME) == 0o640


def test_next_writer_goes_on_with_the_log(tmp_path: Path) -> None:
    append(EventLog.writer(tmp_path, 1), numbered(0, 3))
    successor = EventLog.writer(tmp_path, 1)
    assert successor.position == 3
    append(successor, numbered(3, 1))
    assert EventLog.reader(tmp_path).view(0, 9)["mid"].tolist()[:4] == [0, 1, 2, 3]


def test_log_of_another_size_is_replaced_and_its_position_removed(
    tmp_path: Path,
) -> None:
    old = EventLog.writer(tmp_path, 1)
    append(old, numbered(0, 3))
    ReadPosition.open(tmp_path).commit(Evaluated(3))
    new = EventLog.writer(tmp_path, 2)
    assert (new.capacity, new.position) == (32_768, 0)
    assert old.view(0, 3)["mid"].tolist() == [0, 1, 2]  # whoever has it mapped still reads it
    assert ReadPosition.open(tmp_path).get() == Evaluated()


def test_reader_without_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EventLogError, match="No such file"):
        EventLog.reader(tmp_path)


def change_header(path: Path, **values: int) -> None:
    header = np.fromfile(path, HEADER_DTYPE, 1)
    for name, value in values.items():
        header[name] = value
    with path.open("r+b") as file:
        file.write(header.tobytes())


@pytest.mark.parametrize(
    "values",
    [{"version": 1}, {"magic": 0}, {"record_bytes": 56}],
    ids=lambda values: next(iter(values)),
)
def test_log_of_another_version_is_for_its_writer_to_replace(
    path: Path,
    values: dict[str, int],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log.ROOT, "propagate", True)
    change_header(path, **values)
    ReadPosition.open(path.parent).commit(Evaluated(3))
    with pytest.raises(OtherVersionError, match="another version of aod"):
        EventLog.reader(path.parent)
    assert EventLog.writer(path.parent, 1).position == 0
    assert "another version of aod: replaced; the records that detect had not read" in caplog.text
    assert EventLog.reader(path.parent).position == read_evaluated(path.parent).position == 0


@pytest.mark.parametrize("capacity", [0, 1, 16_383, 16_385, 32_768, 8192, 2**63, 2**64 - 1])
def test_capacity_that_is_not_the_files_is_refused(path: Path, capacity: int) -> None:
    change_header(path, capacity=capacity)
    with pytest.raises(EventLogError, match="do not hold"):
        EventLog.reader(path.parent)


@pytest.mark.parametrize("size", [0, 1, HEADER_BYTES - 1])
def test_file_shorter_than_the_head_is_refused(path: Path, size: int) -> None:
    os.truncate(path, size)
    with pytest.raises(EventLogError, match="shorter"):
        EventLog.reader(path.parent)


@pytest.mark.parametrize("missing", [1, 64, 1 << 20])
def test_file_that_was_cut_is_refused(path: Path, missing: int) -> None:
    os.truncate(path, HEADER_BYTES + (1 << 20) - missing)
    with pytest.raises(EventLogError, match="do not hold"):
        EventLog.reader(path.parent)


def test_log_without_a_record_is_refused(path: Path) -> None:
    os.truncate(path, HEADER_BYTES)
    change_header(path, capacity=0)
    with pytest.raises(EventLogError, match="do not hold"):
        EventLog.reader(path.parent)


def opens(folder: Path) -> list[Callable[[], object]]:
    """Every way to open the two files."""
    return [
        lambda: EventLog.reader(folder),
        lambda: EventLog.writer(folder, 1),
        lambda: ReadPosition.open(folder),
    ]


def put(folder: Path, make: Callable[[Path], object]) -> None:
    for name in (LOG_NAME, POSITION_NAME):
        make(folder / name)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to(path.parent.parent / "real" / path.name),
        lambda path: path.mkdir(),
        os.mkfifo,
    ],
    ids=["link", "folder", "fifo"],
)
def test_what_is_no_regular_file_is_refused_without_waiting(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    (tmp_path / "real").mkdir()
    EventLog.create(tmp_path / "real", 1)
    ReadPosition.open(tmp_path / "real")
    (tmp_path / "runtime").mkdir()
    put(tmp_path / "runtime", make)
    for open_it in opens(tmp_path / "runtime"):
        with pytest.raises(EventLogError):
            open_it()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_file_of_another_user_is_refused(tmp_path: Path) -> None:
    EventLog.create(tmp_path, 1)
    ReadPosition.open(tmp_path)
    put(tmp_path, lambda path: os.chown(path, STRANGER, STRANGER))
    for open_it in opens(tmp_path):
        with pytest.raises(EventLogError, match="not a regular file of user 0"):
            open_it()


def test_position_is_shared_between_processes(tmp_path: Path) -> None:
    position = ReadPosition.open(tmp_path, start=7)
    other = ReadPosition.open(tmp_path, start=99)
    assert other.get().position == 7
    position.commit(Evaluated(2**63 + 5))
    assert other.get() == read_evaluated(tmp_path) == Evaluated(2**63 + 5)


def test_what_detect_publishes_changes_at_once_or_not_at_all(tmp_path: Path) -> None:
    position = ReadPosition.open(tmp_path, start=7)
    assert read_evaluated(tmp_path) == Evaluated(7, 7)
    position.commit(Evaluated(90, 8, 3, 1))
    page = np.memmap(tmp_path / POSITION_NAME, np.uint64)
    fields = len(position.get())
    slot = 1 + fields * (int(page[0] + 1) % 2)
    page[slot : slot + fields] = 99  # as far as a killed writer came
    assert read_evaluated(tmp_path) == position.get() == Evaluated(90, 8, 3, 1)


def test_a_reader_of_the_position_survives_a_truncated_file(tmp_path: Path) -> None:
    ReadPosition.open(tmp_path, start=7)
    reader = ReadPosition.reader(tmp_path)
    os.truncate(tmp_path / POSITION_NAME, 3)
    assert reader.get() == Evaluated()
    os.truncate(tmp_path / POSITION_NAME, 9)
    assert reader.get() == Evaluated()
    reader.close()


def test_position_in_a_truncated_file_is_zero_and_can_be_set(tmp_path: Path) -> None:
    (tmp_path / POSITION_NAME).touch(0o640)
    position = ReadPosition.open(tmp_path, start=5)
    assert position.get() == Evaluated()
    position.commit(Evaluated(8))
    assert read_evaluated(tmp_path).position == 8


def test_reading_a_position_that_is_not_there_makes_none(tmp_path: Path) -> None:
    assert read_evaluated(tmp_path).position == 0
    assert list(tmp_path.iterdir()) == []


def test_a_log_has_its_room_from_the_beginning(tmp_path: Path) -> None:
    """Else a file system that somebody fills ends whoever writes to a hole (SIGBUS)."""
    EventLog.create(tmp_path, 1)
    ReadPosition.open(tmp_path)
    for path in (tmp_path / LOG_NAME, tmp_path / POSITION_NAME):
        assert path.stat().st_blocks * 512 >= path.stat().st_size > 0


@pytest.mark.parametrize("moved_ns", [-3600 * 10**9, 10**10])
def test_a_clock_that_was_set_is_followed(tmp_path: Path, moved_ns: int) -> None:
    log, reader = EventLog.create(tmp_path, 1), EventLog.reader(tmp_path)
    assert log.follow_clock() == 0
    right_ns = log.realtime_offset_ns
    log.header["realtime_offset_ns"] = right_ns - moved_ns
    assert abs(log.follow_clock() - moved_ns) < 10**9
    assert abs(reader.realtime_offset_ns - right_ns) < 10**9
    assert log.follow_clock() == 0


def test_a_clock_that_is_slewed_changes_no_timestamps(tmp_path: Path) -> None:
    log = EventLog.create(tmp_path, 1)
    log.header["realtime_offset_ns"] += 10**9 // 2
    kept_ns = log.realtime_offset_ns
    assert log.follow_clock() == 0
    assert log.realtime_offset_ns == kept_ns
