"""Whether the output folder can take a bundle: it is there, writable, and its disk has room.

While it cannot, anomalies wait in the spool; nothing is lost but time."""

import asyncio
import errno
import logging
import os
import time
from pathlib import Path
from typing import Final

from aod.config.schema import Capture, Config
from aod.files import OUTPUT_MODE

RETRY_SEC: Final = 30.0
"""A full disk is tried again after this at the latest: a quota does not show in `statvfs`."""
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_UNUSABLE: Final = _NO_SPACE | {errno.EROFS}
_MIB = 1 << 20


def look(folder: Path) -> os.statvfs_result:
    """The file system of a folder, which is made if its parent is there.

    May block for as long as the file system does: not for the event loop. Raises OSError: there is
    no such folder, and none can be made."""
    folder.mkdir(OUTPUT_MODE, exist_ok=True)
    return os.statvfs(folder)


def shortage(found: os.statvfs_result, limits: Capture) -> str:
    """Why nothing may be captured, for a person; empty when there is room."""
    if found.f_flag & os.ST_RDONLY:
        return "its file system is read-only"
    free_mb = found.f_bavail * found.f_frsize / _MIB  # for users other than root
    total_mb = found.f_blocks * found.f_frsize / _MIB
    floor_mb = max(limits.min_free_mb, limits.min_free_percent / 100 * total_mb)
    if free_mb < floor_mb:
        return f"{free_mb:.1f} MB are free, less than the floor of {floor_mb:.1f} MB"
    if found.f_files and not found.f_favail:  # where inodes are not counted, it has none at all
        return "its file system has no free inode"
    return ""


class OutputState:
    """The output folder as it was seen last.

    Attributes:
        why_not: why nothing can be captured; empty when it can.
        is_short: the space is short, so captures that run have to end, too."""

    def __init__(self, config: Config, logger: logging.Logger) -> None:
        self.why_not = ""
        self.is_short = False
        self._folder = config.aod_output_dir
        self._limits = config.capture
        self._logger = logger
        self._free_bytes = 0
        self._full_at: int | None = None
        """Free bytes when a write found no room."""
        self._try_at = 0.0

    def use(self, config: Config) -> None:
        """Take the limits of another configuration; the folder is the same."""
        self._limits = config.capture

    async def look(self) -> None:
        """Look in a thread: the file system may hang, and only the thread with it."""
        try:
            found = await asyncio.to_thread(look, self._folder)
        except OSError as error:
            self.is_short = False
            self._set(error.strerror or str(error))
            return
        self._free_bytes = found.f_bavail * found.f_frsize
        why_not = shortage(found, self._limits)
        self.is_short = bool(why_not) and not found.f_flag & os.ST_RDONLY
        self._set(why_not or self._why_full())

    async def blames(self, error: BaseException) -> bool:
        """Whether a failure is the folder's and not the bundle's, which then just waits."""
        number = error.errno if isinstance(error, OSError) else None
        await self.look()
        if number in _NO_SPACE:
            self._full_at = self._free_bytes
            self._try_at = time.monotonic() + RETRY_SEC
            self._set(self.why_not or self._why_full())
        return number in _UNUSABLE or bool(number and self.why_not)

    def _why_full(self) -> str:
        if self._full_at is None:
            return ""
        if self._free_bytes > self._full_at or time.monotonic() >= self._try_at:
            self._full_at = None
            return ""
        return "no space is left"

    def _set(self, why_not: str) -> None:
        if why_not == self.why_not:
            return
        if why_not and not self.why_not:
            self._logger.error("%s: %s; anomalies wait", self._folder, why_not)
        elif not why_not:
            self._logger.warning("%s: bundles can be written again", self._folder)
        self.why_not = why_not
