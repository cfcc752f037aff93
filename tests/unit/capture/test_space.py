"""The floor of free space: the higher of megabytes and percent."""

import os
from pathlib import Path

import pytest

from aod.capture import output_folder
from aod.config.schema import Capture

MIB = 1 << 20


def space(*, files: int = 9, free_files: int = 1, flags: int = 0) -> os.statvfs_result:
    """Of 1000 MiB, 100 are free."""
    blocks = (1000, 200, 100)
    return os.statvfs_result((MIB, MIB, *blocks, files, free_files, free_files, flags, 255))


@pytest.mark.parametrize(
    ("min_free_mb", "min_free_percent", "is_short"),
    [(0, 0, False), (100, 10, False), (101, 0, True), (0, 11, True), (0, 10, False)],
)
def test_the_higher_of_the_two_holds(
    min_free_mb: float, min_free_percent: float, is_short: bool
) -> None:
    limits = Capture(min_free_mb=min_free_mb, min_free_percent=min_free_percent)
    assert bool(output_folder.shortage(space(), limits)) is is_short


def test_what_else_is_in_the_way() -> None:
    none = Capture(min_free_mb=0, min_free_percent=0)
    read_only, full = space(flags=os.ST_RDONLY), space(free_files=0)
    assert output_folder.shortage(read_only, none) == "its file system is read-only"
    assert output_folder.shortage(full, none) == "its file system has no free inode"
    assert output_folder.shortage(space(files=0, free_files=0), none) == ""  # as btrfs


def test_a_look_makes_the_folder_but_not_its_parent(tmp_path: Path) -> None:
    found = output_folder.look(tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert (found.f_blocks, found.f_frsize) == (
        os.statvfs(tmp_path).f_blocks,
        os.statvfs(tmp_path).f_frsize,
    )
    with pytest.raises(FileNotFoundError):
        output_folder.look(tmp_path / "none" / "out")
