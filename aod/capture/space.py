"""Whether the output folder can take a bundle: it is there, writable, and its disk has room."""

import os
from pathlib import Path

from msgspec import Struct

from aod.config import Capture
from aod.files import OUTPUT_MODE

_MIB = 1 << 20


class Room(Struct, frozen=True):
    """What a file system has, as `statvfs` tells."""

    free_bytes: int
    """For those who are not root."""
    total_bytes: int
    free_inodes: int
    """Always positive where the file system does not count them."""
    read_only: bool = False


def look(folder: Path) -> Room:
    """The room in the file system of a folder, which is made if its parent is there.

    May block for as long as the file system does: not for the event loop.

    Raises:
        OSError: there is no such folder, and none can be made.
    """
    folder.mkdir(OUTPUT_MODE, exist_ok=True)
    found = os.statvfs(folder)
    return Room(
        free_bytes=found.f_bavail * found.f_frsize,
        total_bytes=found.f_blocks * found.f_frsize,
        free_inodes=found.f_favail if found.f_files else 1,
        read_only=bool(found.f_flag & os.ST_RDONLY),
    )


def shortage(room: Room, limits: Capture) -> str:
    """Why nothing may be captured, for a person; empty when there is room."""
    if room.read_only:
        return "its file system is read-only"
    floor_bytes = max(limits.min_free_mb * _MIB, limits.min_free_percent / 100 * room.total_bytes)
    if room.free_bytes < floor_bytes:
        free_mb, floor_mb = room.free_bytes / _MIB, floor_bytes / _MIB
        return f"{free_mb:.1f} MB are free, less than the floor of {floor_mb:.1f} MB"
    return "" if room.free_inodes else "its file system has no free inode"
