"""The event log: records in shared memory, as a ring addressed by absolute positions.

One file on tmpfs, mapped by every stage. `collect` writes it (the shim copies the kernel's ring
straight into it), everyone else reads views of the same memory. `detect` publishes how far it has
read in a file of its own, and the writer never overwrites what detect has not read. What has been
read stays until it is overwritten: that is the history a bundle is cut from.
"""

import mmap
import os
import stat
import time
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np

from aod import log as aod_log
from aod._native import ffi, lib
from aod.event import EVENT_DTYPE, Events, joined, struct_dtype
from aod.files import FILE_MODE, create_fd

HEADER_BYTES: Final = int(lib.AOD_LOG_HEADER_BYTES)
HEADER_DTYPE: Final = struct_dtype("aod_log_header")
LOG_NAME: Final = "events.log"
POSITION_NAME: Final = "detect.position"
MAX_COMMIT_RECORDS: Final = 16384
MOST_READS: Final = 16
"""Of a page whose writer goes on meanwhile."""
_PAGE_DTYPE: Final = np.dtype([("seq", "<u8"), ("slots", "<u8", (2, 5))])


_log: Final = aod_log.ROOT.getChild("eventlog")


class EventLogError(Exception):
    """A file that is not an event log of this version, or not ours."""


class OtherVersionError(EventLogError):
    """An event log that another version of this program made."""


def _open_ours(path: Path, writable: bool) -> int:
    """A descriptor of a regular file that this user or root owns; links are not followed."""
    # O_NONBLOCK: a FIFO in the file's place must not stop its reader for ever.
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    flags |= os.O_RDWR if writable else os.O_RDONLY
    try:
        fd = os.open(path, flags)
    except OSError as error:
        raise EventLogError(f"{path}: {error.strerror}") from error
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode) or info.st_uid not in (0, os.geteuid()):
        os.close(fd)
        raise EventLogError(f"{path}: not a regular file of user 0 or {os.geteuid()}")
    return fd


def _create(path: Path, size: int) -> int:
    fd = create_fd(path)
    os.fchmod(fd, FILE_MODE)
    os.posix_fallocate(fd, 0, size)  # with holes, a full file system would end who writes later
    return fd


class EventLog:
    """A mapped event log; `create`, `writer` and `reader` make one.

    Attributes:
        header: numpy view (dtype `HEADER_DTYPE`, shape ()) of the head, shared with the writer.
        records: numpy view (dtype `EVENT_DTYPE`, shape (capacity,)) of all slots.
    """

    def __init__(self, fd: int, path: Path, writable: bool):
        self.path = path
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        size = os.fstat(fd).st_size
        if size < HEADER_BYTES:
            os.close(fd)
            raise EventLogError(f"{path}: {size} bytes, shorter than the head of an event log")
        self._map = mmap.mmap(fd, size, access=access)
        os.close(fd)
        self.header = np.frombuffer(self._map, HEADER_DTYPE, 1)[0:1].reshape(())
        self.c_header = ffi.from_buffer(
            "struct aod_log_header *", self._map, require_writable=writable
        )
        self._check(size)
        self.capacity = int(self.header["capacity"])
        self.records: Events = np.frombuffer(self._map, EVENT_DTYPE, self.capacity, HEADER_BYTES)

    def _check(self, size: int) -> None:
        head = self.header
        found = (int(head["magic"]), int(head["version"]), int(head["record_bytes"]))
        expected = (lib.AOD_LOG_MAGIC, lib.AOD_LOG_VERSION, EVENT_DTYPE.itemsize)
        capacity = int(head["capacity"])
        if found != expected:
            raise OtherVersionError(
                f"{self.path}: magic, version, record size are {found}, not {expected}; "
                "it was made by another version of aod"
            )
        fits = size == HEADER_BYTES + capacity * EVENT_DTYPE.itemsize
        if not fits or capacity.bit_count() != 1:
            raise EventLogError(f"{self.path}: {size} bytes do not hold {capacity} records")

    @classmethod
    def create(cls, runtime_dir: Path, megabytes: int) -> Self:
        """A new, empty log; it appears under its name when it is complete.

        What was read of another log goes with it.

        Raises:
            OSError: the folder cannot be written.
        """
        path = runtime_dir / LOG_NAME
        staging = path.with_suffix(".new")
        staging.unlink(missing_ok=True)
        capacity = megabytes * (1 << 20) // EVENT_DTYPE.itemsize
        fd = _create(staging, HEADER_BYTES + capacity * EVENT_DTYPE.itemsize)
        head = np.zeros((), HEADER_DTYPE)
        head["magic"], head["version"] = lib.AOD_LOG_MAGIC, lib.AOD_LOG_VERSION
        head["header_bytes"], head["record_bytes"] = HEADER_BYTES, EVENT_DTYPE.itemsize
        head["capacity"] = capacity
        head["realtime_offset_ns"] = time.time_ns() - time.monotonic_ns()
        os.pwrite(fd, head.tobytes(), 0)
        (runtime_dir / POSITION_NAME).unlink(missing_ok=True)
        staging.rename(path)
        return cls(fd, path, writable=True)

    @classmethod
    def writer(cls, runtime_dir: Path, megabytes: int) -> Self:
        """The log of this folder, to go on writing it; a new one where there is none of that size
        and version. What is lost with the old one is said.

        Raises:
            EventLogError: the file is not ours.
        """
        path = runtime_dir / LOG_NAME
        if not path.exists():
            return cls.create(runtime_dir, megabytes)
        try:
            log = cls(_open_ours(path, writable=True), path, writable=True)
        except OtherVersionError as error:
            _log.warning("%s: begun anew; what detect had not read in it is lost", error)
            return cls.create(runtime_dir, megabytes)
        if log.capacity * EVENT_DTYPE.itemsize == megabytes << 20:
            return log
        unread = log.position - ReadPosition.peek(runtime_dir)
        _log.warning(
            "%s had another size: begun anew; its %d records, of which detect had not read %d, "
            "are lost",
            *(path, log.position - log.oldest, unread),
        )
        return cls.create(runtime_dir, megabytes)

    @classmethod
    def reader(cls, runtime_dir: Path) -> Self:
        """The log of this folder, read-only.

        Raises:
            EventLogError: there is none, or it is of another version or owner.
        """
        path = runtime_dir / LOG_NAME
        return cls(_open_ours(path, writable=False), path, writable=False)

    @property
    def position(self) -> int:
        """How many records have ever been written."""
        return int(lib.aod_log_committed(self.c_header).log_position)

    @property
    def oldest(self) -> int:
        """The position of the oldest record that is still there."""
        return max(0, self.position - self.capacity)

    @property
    def commit_records(self) -> int:
        """How many records a writer may copy before it commits them."""
        return min(MAX_COMMIT_RECORDS, self.capacity // 4)

    @property
    def realtime_offset_ns(self) -> int:
        """Add this to a record's time to get ns since the epoch."""
        return int(self.header["realtime_offset_ns"])

    def view(self, start: int, count: int) -> Events:
        """Up to `count` records from position `start`, as a view that ends where the ring wraps."""
        slot = start & (self.capacity - 1)
        return self.records[slot : slot + min(count, self.capacity - slot)]

    def piece_end(self, start: int, end: int, records: int) -> int:
        """Where a piece of [start, end) ends that has about as many records: what one look found in
        flight has one time, was committed at once, and stays together."""
        at = min(start + records, end)
        mask, times = self.capacity - 1, self.records["end_ns"]
        while start < at < end and times[at & mask] == times[(at - 1) & mask]:
            at += 1
        return at

    def span(self, start: int, end: int) -> Events:
        """The records [start, end): a view, or a copy where they lie in two pieces. For the reader
        that the writer waits for."""
        first = self.view(start, end - start)
        rest = self.view(start + len(first), end - start - len(first))
        return joined(first, rest) if len(rest) else first

    def copy(self, start: int, end: int) -> Events:
        """A copy of the records [start, end), for who is not the reader that the writer waits for.

        The writer goes on meanwhile: at the beginning, the records that it has overwritten are left
        out, and those that it may be overwriting before its next commit.
        """
        start = max(start, self.oldest)
        end = max(start, end)
        first = self.view(start, end - start)
        second = self.view(start + len(first), end - start - len(first))
        copy = joined(first, second)
        intact = self.position + self.commit_records - self.capacity
        return copy[max(0, intact - start) :]


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
            fd = _create(path, mmap.PAGESIZE)
        except FileExistsError:
            fd = _open_ours(path, writable=True)
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
        self._fd = _open_ours(runtime_dir / POSITION_NAME, writable=False)

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
