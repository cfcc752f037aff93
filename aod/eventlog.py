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
from typing import Final, Self

import numpy as np

from aod._native import ffi, lib
from aod.event import EVENT_DTYPE, Events, joined, struct_dtype
from aod.files import FILE_MODE, create_fd

HEADER_BYTES: Final = int(lib.AOD_LOG_HEADER_BYTES)
HEADER_DTYPE: Final = struct_dtype("aod_log_header")
LOG_NAME: Final = "events.log"
POSITION_NAME: Final = "detect.position"
MAX_COMMIT_RECORDS: Final = 16384


class EventLogError(Exception):
    """A file that is not an event log of this version, or not ours."""


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
    os.ftruncate(fd, size)
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
            raise EventLogError(
                f"{self.path}: magic, version, record size are {found}, not {expected}; "
                "it was made by another version: stop the daemon and remove the file"
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
        """The log of this folder, to go on writing it; a new one where there is none of that size.

        Raises:
            EventLogError: the file is of another version or owner.
        """
        path = runtime_dir / LOG_NAME
        if not path.exists():
            return cls.create(runtime_dir, megabytes)
        log = cls(_open_ours(path, writable=True), path, writable=True)
        if log.capacity * EVENT_DTYPE.itemsize == megabytes << 20:
            return log
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


class ReadPosition:
    """How far detect has read: one number, in a file that detect writes and collect reads."""

    def __init__(self, fd: int):
        self._map = mmap.mmap(fd, mmap.PAGESIZE)
        os.close(fd)
        self._value = np.frombuffer(self._map, np.uint64, 1)

    @classmethod
    def open(cls, runtime_dir: Path, start: int = 0) -> Self:
        """The position of this folder; begins at `start` where there is none.

        Raises:
            EventLogError: the file is not ours.
        """
        path = runtime_dir / POSITION_NAME
        try:
            fd = _create(path, mmap.PAGESIZE)
            os.pwrite(fd, start.to_bytes(8, "little"), 0)
        except FileExistsError:
            fd = _open_ours(path, writable=True)
            if os.fstat(fd).st_size < mmap.PAGESIZE:
                os.ftruncate(fd, mmap.PAGESIZE)
        return cls(fd)

    @staticmethod
    def peek(runtime_dir: Path) -> int:
        """The position of this folder, for who may only read; 0 where there is none."""
        try:
            fd = _open_ours(runtime_dir / POSITION_NAME, writable=False)
        except EventLogError:
            return 0
        try:
            return int.from_bytes(os.pread(fd, 8, 0), "little")
        finally:
            os.close(fd)

    def get(self) -> int:
        return int(self._value[0])

    def set(self, position: int) -> None:
        self._value[0] = position


def write_limit(log_position: int, read_position: int, capacity: int) -> int | None:
    """Where the writer must stop so that nothing unread is overwritten; None: not to be believed.

    A reader that claims to have read what was never written, or what is no longer there, has lost
    its mind (or its file): its word does not stop the writer.
    """
    if not log_position - capacity <= read_position <= log_position:
        return None
    return read_position + capacity
