"""What may stay in the output folder: sealed bundles by age and by total size, oldest first.

`plan` and `has_room` are pure; `scan` and `delete` touch the folder, and only regular files that
bear a sealed bundle's name. Whatever else lies there is neither counted nor deleted, and no link is
followed."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum

from msgspec import Struct

from aod.config.schema import Cleanup
from aod.state import names


class Entry(Struct, frozen=True, order=True):
    """A sealed bundle. Orders by age: the timestamp in its name, never the file's own times."""

    timestamp: int
    name: str
    size_bytes: int


class Reason(StrEnum):
    """Why a bundle has to go."""

    AGE = "older than max_log_age_days"
    SIZE = "max_total_log_size_mb exceeded"


class Removal(Struct, frozen=True):
    """A bundle that has to go."""

    entry: Entry
    reason: Reason


def max_bytes(cleanup: Cleanup) -> int:
    """What all bundles together may have."""
    return int(cleanup.max_total_log_size_mb * (1 << 20))


def plan(entries: Sequence[Entry], now_ns: int, max_age_ns: int, limit_bytes: int) -> list[Removal]:
    """What has to go, oldest first: all that is too old, then the oldest until the rest fits.

    The newest bundle never goes for its size: evidence of the last incident is worth more than
    the limit, and deleting what was just captured would silently make the daemon useless."""
    ordered = sorted(entries)
    removals = [Removal(e, Reason.AGE) for e in ordered if now_ns - e.timestamp > max_age_ns]
    kept = ordered[len(removals) :]
    total = sum(entry.size_bytes for entry in kept)
    for entry in kept[:-1]:
        if total <= limit_bytes:
            break
        removals.append(Removal(entry, Reason.SIZE))
        total -= entry.size_bytes
    return removals


def has_room(entries: Sequence[Entry], limit_bytes: int) -> bool:
    """Whether `plan` would delete none of them for its size."""
    return len(entries) < 2 or sum(entry.size_bytes for entry in entries) <= limit_bytes


def scan(folder_fd: int) -> list[Entry]:
    """The sealed bundles in an opened folder, in no order.

    Raises OSError: the folder cannot be read."""
    entries = []
    with os.scandir(folder_fd) as found:
        for item in found:
            timestamp = names.archive.timestamp(item.name)
            if timestamp is not None and item.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):  # deleted since the folder was read
                    size_bytes = item.stat(follow_symlinks=False).st_size
                    entries.append(Entry(timestamp, item.name, size_bytes))
    return entries


def delete(folder_fd: int, entry: Entry) -> bool:
    """Delete a bundle; False when it was already gone, or something else has its name now.

    Raises OSError: the folder or the file does not let itself be changed."""
    with suppress(FileNotFoundError):
        status = os.stat(entry.name, dir_fd=folder_fd, follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            os.unlink(entry.name, dir_fd=folder_fd)
            return True
    return False
