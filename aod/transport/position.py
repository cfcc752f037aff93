"""How far detect has read the event log, and what that led to: a file that detect writes.

Whoever else reads it believes nothing: its writer may be less privileged.
"""

import mmap
import os
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np

from aod.transport.eventlog_files import POSITION_NAME, EventLogError, create_whole, open_ours

MOST_READS: Final = 16
"""Of a page whose writer goes on meanwhile."""
_PAGE_DTYPE: Final = np.dtype([("seq", "<u8"), ("slots", "<u8", (2, 5))])


class Evaluated(NamedTuple):
    """What detect has made of the log; its word, which nobody else need believe."""

    position: int = 0
    """Evaluated or skipped up to here."""
    skipped: int = 0
    """Records that were gone before detect came to read them."""
    declared: int = 0
    """Anomalies."""
    unspooled: int = 0
    """Of them, those that are not in the spool: only a message could carry them."""
    refused: int = 0
    """Of those, the ones that get no bundle: too many waited already, or no message could be
    sent."""


class ReadPosition:
    """How far detect has read, and what it led to: a file that detect writes and others read.

    Committed like the log's own position: the slot that is not in use is filled, then the first
    number moves by one.
    """

    def __init__(self, fd: int):
        self._map = mmap.mmap(fd, mmap.PAGESIZE)
        os.close(fd)
        self._page = np.frombuffer(self._map, _PAGE_DTYPE, 1)[0:1].reshape(())

    @classmethod
    def open(cls, runtime_dir: Path, start: int = 0) -> Self:
        """The position of this folder; where there is none it begins at `start`, and what is before
        that counts as skipped.

        Raises:
            EventLogError: the file is not ours.
        """
        path = runtime_dir / POSITION_NAME
        try:
            fd = create_whole(path, mmap.PAGESIZE)
        except FileExistsError:
            fd = open_ours(path, writable=True)
            if os.fstat(fd).st_size < mmap.PAGESIZE:
                os.ftruncate(fd, mmap.PAGESIZE)
            return cls(fd)
        position = cls(fd)
        position.commit(Evaluated(start, start))
        return position

    @staticmethod
    def peek(runtime_dir: Path) -> int:
        """The position of this folder, for who may only read; 0 where there is none."""
        return look(runtime_dir).position

    def get(self) -> int:
        return self.said().position

    def said(self) -> Evaluated:
        return _said(self._map[: _PAGE_DTYPE.itemsize])

    def set(self, position: int) -> None:
        self.commit(self.said()._replace(position=position))

    def commit(self, said: Evaluated) -> None:
        """All of it at once, whenever this process is killed."""
        following = (int(self._page["seq"]) + 1) % (1 << 64)
        self._page["slots"][following % 2] = [number % (1 << 64) for number in said]
        self._page["seq"] = following


class PositionReader:
    """The same for another process: it reads the file and never maps it, for its writer may be
    less privileged, and could cut it off under the reader's feet.

    Raises:
        EventLogError: there is none, or it is not ours.
    """

    def __init__(self, runtime_dir: Path):
        self._fd = open_ours(runtime_dir / POSITION_NAME, writable=False)

    def get(self) -> Evaluated:
        page = self._read()
        for _ in range(MOST_READS):  # the same twice: nothing was written in between
            before, page = page, self._read()
            if before == page:
                break
        return _said(page)

    def _read(self) -> bytes:
        return os.pread(self._fd, _PAGE_DTYPE.itemsize, 0)

    def close(self) -> None:
        os.close(self._fd)


def look(runtime_dir: Path) -> Evaluated:
    """What detect says in this folder; all zeros where there is nothing of it."""
    try:
        reader = PositionReader(runtime_dir)
    except EventLogError:
        return Evaluated()
    try:
        return reader.get()
    finally:
        reader.close()


def _said(page: bytes) -> Evaluated:
    content = page.ljust(_PAGE_DTYPE.itemsize, b"\0")
    read = np.frombuffer(content, _PAGE_DTYPE)[0]
    return Evaluated(*(int(number) for number in read["slots"][int(read["seq"]) % 2]))


def write_limit(log_position: int, read_position: int, capacity: int) -> int | None:
    """Where the writer must stop so that nothing unread is overwritten; None: not to be believed.

    A reader that claims to have read what was never written, or what is no longer there, has lost
    its mind (or its file): its word does not stop the writer.
    """
    if not log_position - capacity <= read_position <= log_position:
        return None
    return read_position + capacity
