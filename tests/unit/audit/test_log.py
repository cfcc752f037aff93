"""The audit log: whole lines whoever writes, bounded files, and nothing of others is touched."""

import fcntl
import logging
import multiprocessing
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.audit import log
from aod.audit.entries import Deleted, Entry, Lost, declared, decode, encode
from aod.audit.log import MOST_FILES, AuditLog, moves, name
from aod.config.schema import Audit, Config
from aod.state.names import AUDIT_FILE
from tests.rig import audit_log
from tests.rig.configs import config
from tests.unit.documents import manual_text
from tests.unit.samples import anomaly

LOG = logging.getLogger("test")
WRITERS, RECORDS_EACH = 4, 500


def settings(folder: Path, **changes: Any) -> Config:
    return config(folder, audit=Audit(**changes))


def deletion(number: int) -> Deleted:
    return Deleted(bundle=f"aod_{number}.tar.zst", size_bytes=number, reason="test")


def log_of(made: Config) -> Path:
    return made.aod_output_dir / AUDIT_FILE


def records(path: Path) -> list[Entry]:
    return audit_log.decoded(path.parent, path.name)


def numbers(made: Config) -> list[int]:
    """The sizes in all files, oldest file first."""
    found = []
    for number in range(MOST_FILES - 1, -1, -1):
        path = made.aod_output_dir / name(number)
        if path.exists():
            found += [one.size_bytes for one in records(path) if isinstance(one, Deleted)]
    return found


def test_records_are_appended_with_their_time(tmp_path: Path) -> None:
    made = settings(tmp_path)
    before = datetime.now(UTC)
    AuditLog(made, LOG).write(deletion(1))
    AuditLog(made, LOG).write(declared(anomaly(actions=("dmesg",))))
    first, second = records(log_of(made))
    assert isinstance(first, Deleted)
    assert first.bundle == "aod_1.tar.zst"
    assert first.time is not None
    assert second.time is not None
    assert before <= first.time <= second.time <= datetime.now(UTC)
    assert log_of(made).read_bytes().splitlines()[1].startswith(b'{"what":"declaration","time":"')
    assert log_of(made).stat().st_mode & 0o777 == 0o640


def test_one_that_is_not_enabled_writes_nothing(tmp_path: Path) -> None:
    made = settings(tmp_path, enabled=False)
    AuditLog(made, LOG).write(deletion(1))
    assert not list(made.aod_output_dir.iterdir())


def test_text_of_strangers_stays_in_its_line(tmp_path: Path) -> None:
    made = settings(tmp_path)
    AuditLog(made, LOG).write(declared(anomaly(reason='a\n"b"\u2028\x1b[31m')))
    (line,) = log_of(made).read_bytes().splitlines()
    assert b"\x1b" not in line
    assert decode(line) == records(log_of(made))[0]


def line_bytes() -> int:
    return len(encode(deletion(1), datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)))


def test_a_file_is_put_aside_when_it_is_full_and_the_oldest_goes(tmp_path: Path) -> None:
    made = settings(tmp_path, max_mb=2.5 * line_bytes() / (1 << 20), files=3)
    one = AuditLog(made, LOG)
    for number in range(9):
        one.write(deletion(number))
    assert numbers(made) == [4, 5, 6, 7, 8]
    assert {path.name for path in made.aod_output_dir.iterdir()} == {name(n) for n in range(3)}


def test_files_of_a_larger_configuration_go_with_the_next_rotation(tmp_path: Path) -> None:
    small = line_bytes() / (1 << 20)
    for number in range(6):
        AuditLog(settings(tmp_path, max_mb=small, files=5), LOG).write(deletion(number))
    made = settings(tmp_path, max_mb=small, files=1)
    AuditLog(made, LOG).write(deletion(6))
    assert numbers(made) == [6]
    assert [path.name for path in made.aod_output_dir.iterdir()] == [AUDIT_FILE]


@given(
    taken=st.lists(st.booleans(), max_size=8),
    strangers=st.sets(st.integers(1, 8)),
)
def test_rotation_agrees_with_a_shelf(taken: list[bool], strangers: set[int]) -> None:
    """On a shelf of all places that are not a stranger's, everything moves up by one."""
    content = {n: f"file {n}" for n, there in enumerate([True, *taken]) if there}
    content |= dict.fromkeys(strangers, "stranger")
    usable = [n for n in range(1, len(taken) + 1) if n not in strangers]
    shelf = [content.get(n) for n in (0, *usable)]
    for source, target in moves(usable):
        if source in content:
            content[target] = content.pop(source)
    for place, was in zip(usable, shelf, strict=False):
        if was is not None:
            assert content[place] == was
    assert (0 in content) is (not usable)
    assert all(content[n] == "stranger" for n in strangers)


def test_a_line_that_a_crash_cut_short_costs_only_itself(tmp_path: Path) -> None:
    made = settings(tmp_path)
    AuditLog(made, LOG).write(deletion(1))
    with log_of(made).open("ab") as file:
        file.write(b'{"what":"dele')
    AuditLog(made, LOG).write(deletion(2))
    first, torn, last = log_of(made).read_bytes().splitlines()
    assert torn == b'{"what":"dele'
    assert [decode(first), decode(last)] == [
        deletion_with_time(1, first),
        deletion_with_time(2, last),
    ]


def deletion_with_time(number: int, line: bytes) -> Deleted:
    time = decode(line).time
    return Deleted(time, bundle=f"aod_{number}.tar.zst", size_bytes=number, reason="test")


def test_a_missing_folder_is_said_once_and_what_was_missed_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = settings(tmp_path)
    made.aod_output_dir.rmdir()
    one = AuditLog(made, LOG)
    one.write(deletion(1))
    one.write(deletion(2))
    assert len(caplog.messages) == 1
    made.aod_output_dir.mkdir()
    one.write(deletion(3))
    one.write(deletion(4))
    lost, third, fourth = records(log_of(made))
    assert isinstance(lost, Lost)
    assert (lost.lost, lost.count) == ("audit records", 2)
    assert isinstance(third, Deleted)
    assert isinstance(fourth, Deleted)
    assert len(caplog.messages) == 2


@pytest.mark.parametrize(
    "kind",
    [
        *("symlink", "fifo", "folder", "hard link"),
        pytest.param(
            "other owner",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away"),
        ),
    ],
)
def test_what_is_not_ours_is_neither_written_nor_followed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    made = settings(tmp_path)
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    plant(log_of(made), outside, kind)
    one = AuditLog(made, LOG)
    one.write(deletion(1))
    one.write(deletion(2))
    assert outside.read_bytes() == b"precious"
    assert len(caplog.messages) == 1


def plant(path: Path, outside: Path, kind: str) -> None:
    match kind:
        case "symlink":
            path.symlink_to(outside)
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "hard link":
            path.hardlink_to(outside)
        case "other owner":
            path.touch()
            os.chown(path, 12345, 12345)


def test_a_stranger_in_the_way_of_rotation_stays_and_costs_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = settings(tmp_path, max_mb=line_bytes() / (1 << 20), files=3)
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    stranger = made.aod_output_dir / name(1)
    stranger.symlink_to(outside)
    one = AuditLog(made, LOG)
    for number in range(4):
        one.write(deletion(number))
    assert stranger.is_symlink()
    stranger.unlink()
    assert outside.read_bytes() == b"precious"
    assert numbers(made) == [2, 3]
    assert len(caplog.messages) == 1


def test_a_full_disk_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = settings(tmp_path)
    one = AuditLog(made, LOG)
    one.write(deletion(1))
    real_write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real_write(fd, data[: len(data) // 2]))
        one.write(deletion(2))
    assert "no space" in caplog.text
    assert numbers(made) == [1]
    one.write(deletion(3))
    assert numbers(made) == [1, 3]


def test_a_lock_that_is_held_for_ever_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings(tmp_path)
    monkeypatch.setattr(log, "LOCK_WAIT_SEC", 0.01)
    one = AuditLog(made, LOG)
    with log_of(made).open("ab") as stranger:
        fcntl.flock(stranger, fcntl.LOCK_EX)
        one.write(deletion(1))
        assert log_of(made).read_bytes() == b""
    one.write(deletion(2))
    assert numbers(made) == [2]


def write_many(made: Config, first: int) -> None:
    one = AuditLog(made, LOG)
    for number in range(first, first + RECORDS_EACH):
        one.write(deletion(number))


def test_writers_of_several_processes_lose_and_tear_nothing_while_files_rotate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LOCK_WAIT_SEC", 60)  # the machine may be busy
    total = WRITERS * RECORDS_EACH
    made = settings(tmp_path, max_mb=total * 130 / 60 / (1 << 20), files=100)
    fork = multiprocessing.get_context("fork")
    writers = [
        fork.Process(target=write_many, args=(made, number * RECORDS_EACH))
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = numbers(made)
    assert len(list(made.aod_output_dir.iterdir())) > 30
    assert sorted(found) == list(range(total))
    for first in range(0, total, RECORDS_EACH):  # of each writer, in its order
        own = [number for number in found if first <= number < first + RECORDS_EACH]
        assert own == sorted(own)


def test_the_manual_has_a_true_example_of_each_record() -> None:
    *_, folded = manual_text.blocks(manual_text.sections("aod-bundle.5")["AUDIT LOG"])
    shown = folded.replace("\n ", "").encode().splitlines()
    kinds = {type(decode(line)) for line in shown}
    assert kinds == set(Entry.__subclasses__())
    for line in shown:
        record = decode(line)
        assert record.time is not None
        assert encode(record, record.time) == line + b"\n"
