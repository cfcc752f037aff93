"""A lock is of use only while its file has the name."""

import os
from pathlib import Path

import pytest

from aod.state.lock import is_locked, lock_named


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT)


def test_one_holds_it_and_others_wait_in_vain(tmp_path: Path) -> None:
    first, second = opened(tmp_path / "file"), opened(tmp_path / "file")
    assert lock_named(first, tmp_path / "file")
    assert not is_locked(second, 0.01)
    with pytest.raises(BlockingIOError):
        lock_named(second, tmp_path / "file")
    os.close(first)
    assert lock_named(second, tmp_path / "file")
    os.close(second)


def test_a_file_that_was_removed_or_replaced_is_noticed(tmp_path: Path) -> None:
    folder_fd = os.open(tmp_path, os.O_RDONLY)
    fd = opened(tmp_path / "file")
    assert lock_named(fd, "file", dir_fd=folder_fd)
    (tmp_path / "file").unlink()
    assert not lock_named(fd, "file", dir_fd=folder_fd)
    (tmp_path / "file").touch()
    assert not lock_named(fd, tmp_path / "file")
    os.close(fd)
    os.close(folder_fd)
