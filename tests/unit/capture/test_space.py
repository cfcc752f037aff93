"""The floor of free space: the higher of megabytes and percent."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from aod.capture import output_folder
from aod.capture.output_folder import Room
from aod.config.schema import Capture

MIB = 1 << 20
ROOM = Room(free_bytes=100 * MIB, total_bytes=1000 * MIB, free_inodes=1)


@pytest.mark.parametrize(
    ("min_free_mb", "min_free_percent", "is_short"),
    [(0, 0, False), (100, 10, False), (101, 0, True), (0, 11, True), (0, 10, False)],
)
def test_the_higher_of_the_two_holds(
    min_free_mb: float, min_free_percent: float, is_short: bool
) -> None:
    limits = Capture(min_free_mb=min_free_mb, min_free_percent=min_free_percent)
    assert bool(output_folder.shortage(ROOM, limits)) is is_short


def test_what_else_is_in_the_way() -> None:
    none = Capture(min_free_mb=0, min_free_percent=0)
    assert (
        output_folder.shortage(replace(ROOM, read_only=True), none)
        == "its file system is read-only"
    )
    assert (
        output_folder.shortage(replace(ROOM, free_inodes=0), none)
        == "its file system has no free inode"
    )


def test_a_look_makes_the_folder_but_not_its_parent(tmp_path: Path) -> None:
    room = output_folder.look(tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert room.total_bytes == os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
    with pytest.raises(FileNotFoundError):
        output_folder.look(tmp_path / "none" / "out")
