"""A file is read by a child; what blocks it costs nobody but the child."""

import os
import select
from pathlib import Path

import pytest

from aod.kernel import peer_source
from aod.kernel.peer_source import BackgroundRead

LONG_SEC = 600.0


def _result(reader: BackgroundRead) -> bytes:
    """Wait for the child's output or its end."""
    while (content := reader.result()) is None:
        select.select([reader._output], [], [], LONG_SEC)
    return content


def test_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "-file"
    path.write_bytes(content := os.urandom(300_000))
    assert _result(BackgroundRead(path, LONG_SEC)) == content


def test_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert _result(BackgroundRead(tmp_path / "none", LONG_SEC)) == b""


def test_file_that_blocks_is_looked_at_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = BackgroundRead(tmp_path / "fifo", LONG_SEC)
    assert reader.result() is None
    assert reader.result() is None
    reader.close()
    assert reader._child.wait() == -9


def test_file_that_blocks_is_given_up_in_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = BackgroundRead(tmp_path / "fifo", 0)
    assert reader.result() == b""
    assert reader._child.wait() == -9


def test_file_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_source, "MAX_BYTES", 100_000)
    reader = BackgroundRead(Path("/dev/zero"), LONG_SEC)
    assert _result(reader) == b""
    assert reader._child.wait() == -9
