"""A file is read by a child; what blocks it costs nobody but the child, and one child only."""

import os
import select
import signal
from pathlib import Path

import pytest

from aod.kernel import background_read
from aod.kernel.background_read import BackgroundRead
from aod.kernel.reader_lock import take

LONG_SEC = 600.0


def _result(reader: BackgroundRead) -> bytes:
    """Wait for the child's output or its end."""
    while (content := reader.result()) is None:
        if reader.output:
            select.select([reader.output], [], [], LONG_SEC)
    return content


def _was_killed(reader: BackgroundRead) -> bool:
    assert reader._child is not None
    return reader._child.wait() == -signal.SIGKILL


def test_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "-file"
    path.write_bytes(content := os.urandom(300_000))
    assert _result(BackgroundRead(path, tmp_path, LONG_SEC)) == content


def test_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert _result(BackgroundRead(tmp_path / "none", tmp_path, LONG_SEC)) == b""


def test_file_that_blocks_is_looked_at_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = BackgroundRead(tmp_path / "fifo", tmp_path, LONG_SEC)
    assert reader.result() is None
    assert reader.result() is None
    reader.close()
    assert _was_killed(reader)


def test_file_that_blocks_is_given_up_in_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = BackgroundRead(tmp_path / "fifo", tmp_path, 0)
    assert reader.result() == b""
    assert reader.why_not == "not read: it takes too long"
    assert _was_killed(reader)


def test_file_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_read, "MAX_BYTES", 100_000)
    reader = BackgroundRead(Path("/dev/zero"), tmp_path, LONG_SEC)
    assert _result(reader) == b""
    assert _was_killed(reader)


def test_child_is_started_when_it_is_its_turn(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    reader, turn = BackgroundRead(tmp_path / "file", tmp_path, LONG_SEC), take(tmp_path)
    assert turn is not None
    assert reader.result() is None
    assert reader.output is None
    turn.give_back()
    assert _result(reader) == b"content"


def test_nothing_is_read_beside_a_reader_that_does_not_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    first = BackgroundRead(tmp_path / "fifo", tmp_path, LONG_SEC)
    assert first.result() is None
    second = BackgroundRead(tmp_path / "fifo", tmp_path, 0)
    assert second.result() == b""
    assert second.why_not.startswith("not read: an earlier reader of /proc/fs/cifs (pid ")
    assert second.output is None
    first.close()


def test_child_that_cannot_be_started_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reader = BackgroundRead(tmp_path / "file", tmp_path, LONG_SEC)
    assert reader.result() == b""
    assert "cat" in reader.why_not
    turn = take(tmp_path)
    assert turn is not None
    turn.give_back()
