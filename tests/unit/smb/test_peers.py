"""The file of names: what was written is read, and nothing else is believed."""

import os
from pathlib import Path

import pytest

from aod.files import unfinished
from aod.smb.peers import FILE, Names

NAMES = Names(
    shares={(2**64 - 1, 2**32 - 1): r"\\server\share", (7, 1): r"\\server\Übung"},
    servers={1: "server"},
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    FILE.write(tmp_path, NAMES)
    assert FILE.read(tmp_path) == NAMES
    assert FILE.read(tmp_path).share(7, 1) == r"\\server\Übung"
    assert FILE.read(tmp_path).server(1) == "server"


def test_what_is_not_known_is_empty(tmp_path: Path) -> None:
    assert (FILE.read(tmp_path).share(7, 1), FILE.read(tmp_path).server(1)) == ("", "")
    assert (NAMES.share(7, 2), NAMES.share(8, 1), NAMES.server(2)) == ("", "", "")


def test_new_names_take_the_place_of_the_old(tmp_path: Path) -> None:
    FILE.write(tmp_path, NAMES)
    FILE.write(tmp_path, Names(servers={2: "other"}))
    assert FILE.read(tmp_path) == Names(servers={2: "other"})
    assert [path.name for path in tmp_path.iterdir()] == [FILE.name]


def test_writer_that_died_is_no_hindrance(tmp_path: Path) -> None:
    unfinished(tmp_path / FILE.name).write_text("half")
    FILE.write(tmp_path, NAMES)
    assert FILE.read(tmp_path) == NAMES


def test_file_is_for_owner_and_group(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        FILE.write(tmp_path, NAMES)
    finally:
        os.umask(old)
    assert (tmp_path / FILE.name).stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"shares": [], "servers": [[1, 2]]}',
        b'{"shares": [[1, "x"]], "servers": []}',
        b'{"shares": [], "servers": [], "more": 1}',
        b'{"shares": [], "servers": [[1, "\xff"]]}',
        b"[" * 100_000,
        b" " * (5 << 20),
    ],
    ids=lambda content: content[:24].decode(errors="replace"),
)
def test_malformed_file_has_no_names(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE.name).write_bytes(content)
    assert FILE.read(tmp_path) == Names()


def test_link_is_not_followed_and_a_fifo_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    FILE.write(tmp_path / "elsewhere", NAMES)
    (tmp_path / FILE.name).symlink_to(tmp_path / "elsewhere" / FILE.name)
    assert FILE.read(tmp_path) == Names()
    (tmp_path / FILE.name).unlink()
    os.mkfifo(tmp_path / FILE.name)
    assert FILE.read(tmp_path) == Names()
