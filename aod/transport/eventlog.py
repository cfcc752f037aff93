"""The event log: records in shared memory, as a ring addressed by absolute positions.

One file on tmpfs. `collect` writes it (native/drain.c copies the kernel's ring straight into it),
all others read views of the same memory. `detect` publishes how far it has read (position.py), and
the writer never overwrites what detect has not read. A record that was read stays until it is
overwritten: that is the history a bundle is cut from."""

import mmap
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from aod import log
from aod._native import ffi, lib
from aod.event import EVENT_DTYPE, Events, joined, struct_dtype
from aod.files import create_whole
from aod.transport.position import (
    LOG_NAME,
    POSITION_NAME,
    EventLogError,
    OtherVersionError,
    open_ours,
    read_evaluated,
)

HEADER_BYTES: Final = int(lib.AOD_LOG_HEADER_BYTES)
HEADER_DTYPE: Final = struct_dtype("aod_log_header")
STATS_DTYPE: Final = struct_dtype("aod_command_stats")
STAT_NAMES: Final = tuple(STATS_DTYPE.names or ())
"""The kernel's counters of one command, in the order of the struct (ebpf/shared.h)."""
COUNTERS: Final = tuple(n for n in STAT_NAMES if n not in ("begun", "ended", "latency_slots"))
"""The fields that count something for a reader: numbers, none of them an array."""
DROPPED: Final = tuple(name for name in COUNTERS if name.startswith("dropped_"))
"""Operations that are missing in the event log."""

RECORDS_MADE: Final = ("finished", "unanswered_told")
RECORD_FATES: Final = ("emitted", "filtered", "dropped_ring_full", "dropped_simulated")
"""Records made = the sum of their fates."""
OPERATION_ENDS: Final = ("finished", "unanswered", "untimed", "dropped_inflight_full")
"""Operations started = the sum of these + given up by their age + in flight."""

_logger: Final = log.ROOT.getChild("eventlog")
CLOCK_MOVED_NS: Final = 10**9
"""A wall clock that has moved that far against the kernel's is followed."""
_READ_WITHIN_NS: Final = CLOCK_MOVED_NS // 20
"""Two clocks that were read further apart (a stopped process) are not compared."""


class EventLog:
    """A mapped event log; `create`, `writer` and `reader` make one."""

    def __init__(self, fd: int, path: Path, writable: bool):
        self.path = path
        try:
            size = os.fstat(fd).st_size
            if size < HEADER_BYTES:
                raise EventLogError(f"{path}: {size} bytes, shorter than the head of an event log")
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            memory = mmap.mmap(fd, size, access=access)
        finally:
            os.close(fd)
        self.header = np.frombuffer(memory, HEADER_DTYPE, 1).reshape(())
        """The head (dtype `HEADER_DTYPE`, shape ()), shared with the writer."""
        self.c_header = ffi.from_buffer(
            "struct aod_log_header *", memory, require_writable=writable
        )
        self._check(size)
        self.capacity = int(self.header["capacity"])
        self.records: Events = np.frombuffer(memory, EVENT_DTYPE, self.capacity, HEADER_BYTES)
        """All slots: shape (capacity,)."""

    def _check(self, size: int) -> None:
        head, expected = self.header, (lib.AOD_LOG_MAGIC, lib.AOD_LOG_VERSION, EVENT_DTYPE.itemsize)
        found = tuple(int(head[name]) for name in ("magic", "version", "record_bytes"))
        if found != expected:
            raise OtherVersionError(
                f"{self.path}: magic, version, record size are {found}, not {expected}; "
                "it was made by another version of aod"
            )
        capacity = int(head["capacity"])
        if capacity.bit_count() != 1 or size != HEADER_BYTES + capacity * EVENT_DTYPE.itemsize:
            raise EventLogError(f"{self.path}: {size} bytes do not hold {capacity} records")

    @classmethod
    def create(cls, runtime_dir: Path, megabytes: int) -> Self:
        """A new, empty log, which appears under its name when it is complete. The position in its
        predecessor is removed. Raises OSError: the folder cannot be written."""
        path, staging = runtime_dir / LOG_NAME, (runtime_dir / LOG_NAME).with_suffix(".new")
        staging.unlink(missing_ok=True)
        fd = create_whole(staging, HEADER_BYTES + (megabytes << 20))
        head = np.zeros((), HEADER_DTYPE)
        head["magic"], head["version"] = lib.AOD_LOG_MAGIC, lib.AOD_LOG_VERSION
        head["header_bytes"], head["record_bytes"] = HEADER_BYTES, EVENT_DTYPE.itemsize
        head["capacity"] = (megabytes << 20) // EVENT_DTYPE.itemsize
        head["realtime_offset_ns"] = time.time_ns() - time.monotonic_ns()
        os.pwrite(fd, head.tobytes(), 0)
        (runtime_dir / POSITION_NAME).unlink(missing_ok=True)
        staging.rename(path)
        return cls(fd, path, writable=True)

    @classmethod
    def writer(cls, runtime_dir: Path, megabytes: int) -> Self:
        """The log of this folder, to continue it; a new one where there is none of that size and
        version. What is lost with the old one is logged. Raises EventLogError: the file is not
        ours."""
        path = runtime_dir / LOG_NAME
        if not path.exists():
            return cls.create(runtime_dir, megabytes)
        try:
            old = cls(open_ours(path, writable=True), path, writable=True)
        except OtherVersionError as error:
            _logger.warning("%s: replaced; the records that detect had not read are lost", error)
            return cls.create(runtime_dir, megabytes)
        if old.capacity * EVENT_DTYPE.itemsize == megabytes << 20:
            return old
        unread = old.position - read_evaluated(runtime_dir).position
        text = "%s had another size: replaced; its %d records are lost, %d of them unread by detect"
        _logger.warning(text, path, old.position - old.oldest, unread)
        return cls.create(runtime_dir, megabytes)

    @classmethod
    def reader(cls, runtime_dir: Path) -> Self:
        """The log of this folder, read-only. Raises EventLogError: there is none, or it is of
        another version or owner."""
        path = runtime_dir / LOG_NAME
        return cls(open_ours(path, writable=False), path, writable=False)

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
        return min(16384, self.capacity // 4)

    @property
    def realtime_offset_ns(self) -> int:
        """Add this to a record's time to get ns since the epoch, for what is new."""
        return int(self.header["realtime_offset_ns"])

    def follow_clock(self) -> int:
        """Take over the wall clock where it has left the offset behind: it was set, or the host
        slept (CLOCK_MONOTONIC does not count that). For the writer.

        Small deviations are left alone, so that a declaration keeps its timestamp when it is made
        again. Returns by how much the clock had moved, in ns; 0: nothing to follow."""
        before_ns = time.monotonic_ns()
        offset_ns = time.time_ns() - before_ns
        moved_ns = offset_ns - self.realtime_offset_ns
        was_held_up = time.monotonic_ns() - before_ns > _READ_WITHIN_NS
        if abs(moved_ns) < CLOCK_MOVED_NS or was_held_up:
            return 0
        self.header["realtime_offset_ns"] = offset_ns
        return moved_ns

    def view(self, start: int, count: int) -> Events:
        """Up to `count` records from position `start`, as a view that ends where the ring wraps."""
        slot = start & (self.capacity - 1)
        return self.records[slot : slot + min(count, self.capacity - slot)]

    def _views(self, start: int, end: int) -> tuple[Events, Events]:
        first = self.view(start, end - start)
        return first, self.view(start + len(first), end - start - len(first))

    def piece_end(self, start: int, end: int, records: int) -> int:
        """Where a piece of about so many records of [start, end) ends. The records of one scan of
        what is in flight have one time, were committed at once, and stay together."""
        at = min(start + records, end)
        mask, times = self.capacity - 1, self.records["end_ns"]
        while start < at < end and times[at & mask] == times[(at - 1) & mask]:
            at += 1
        return at

    def span(self, start: int, end: int) -> Events:
        """The records [start, end): a view, or a copy where the ring wraps between them. For the
        one reader whose position stops the writer."""
        first, rest = self._views(start, end)
        return joined(first, rest) if len(rest) else first

    def copy(self, start: int, end: int) -> Events:
        """A copy of the records [start, end), for a reader that does not stop the writer.

        Left out at the beginning are the records that the writer has overwritten meanwhile, and
        those that it may be overwriting before its next commit."""
        start = max(start, self.oldest)
        copy = joined(*self._views(start, max(start, end)))
        intact = self.position + self.commit_records - self.capacity
        return copy[max(0, intact - start) :]


def total(stats: NDArray[np.void], names: Sequence[str]) -> NDArray[np.uint64]:
    """The sum of these counters, in the shape of `stats` (dtype `STATS_DTYPE`)."""
    counted: NDArray[np.uint64] = np.sum([stats[name] for name in names], axis=0, dtype=np.uint64)
    return counted


def doubt(stats: NDArray[np.void]) -> NDArray[np.int64]:
    """How far each sum may be off: operations that were being counted when they were read."""
    return signed(stats["begun"] - stats["ended"])


def signed(difference: Any) -> NDArray[np.int64]:
    """A difference of two counters (u8), which wrap together."""
    as_signed: NDArray[np.int64] = np.ascontiguousarray(difference).view(np.int64)
    return as_signed
