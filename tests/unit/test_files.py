"""Opening what somebody else may have put there: only what is as demanded."""

import os
import socket
from pathlib import Path

import pytest

from aod.files import UntrustedError, open_trusted, read_regular


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_what_is_as_demanded_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    fd = open_trusted(tmp_path / "file", (os.geteuid(),), links=1, flags=os.O_RDWR)
    assert os.pread(fd, 100, 0) == b"content"
    os.close(fd)


@pytest.mark.parametrize("kind", ["symlink", "fifo", "socket", "folder"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / "name", tmp_path / "target"
    target.touch()
    match kind:
        case "symlink":
            path.symlink_to(target)
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(str(path))
        case "folder":
            path.mkdir()
    with pytest.raises(UntrustedError, match=r"^a symbolic link or a socket$|^not a regular file$"):
        open_trusted(path)


def test_another_owner_and_a_second_name_are_refused(tmp_path: Path) -> None:
    path, before = tmp_path / "file", open_files()
    path.touch()
    with pytest.raises(UntrustedError, match=f"a file of user {os.geteuid()}"):
        open_trusted(path, (os.geteuid() + 1,))
    (tmp_path / "other").hardlink_to(path)
    with pytest.raises(UntrustedError, match="second name"):
        open_trusted(path, links=1)
    assert open_files() == before


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_trusted(tmp_path / "none")


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular(tmp_path / "file", 5) == b"12345"
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        read_regular(tmp_path / "file", 4)
