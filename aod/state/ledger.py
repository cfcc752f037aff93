"""The ledger: every anomaly that capture learns of, and its one outcome. It outlives capture.

A small file in the runtime folder, records of 16 bytes behind each other, each written by one call.
Capture writes an outcome before it removes the spool entry; killed between the two, its successor
finds the outcome and counts nothing twice. When the file is full, all but the newest anomalies are
summed up. Whoever else reads it goes on where it stopped.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aod.files import create_fd, open_trusted
from aod.state import names, spool
from aod.transport.position import evaluated

NAME: Final = "anomalies.ledger"
MAX_RECORDS: Final = 8192
KEPT: Final = 1024
"""Anomalies with an outcome that are not summed up: one of the last may be declared again, where
detect was killed."""
_RECORD: Final = np.dtype([("value", "<u8"), ("kind", "<u4"), ("check", "<u4")])
_BYTES: Final = MAX_RECORDS * _RECORD.itemsize
_SUM: Final = 0x100
"""`value` is a number of anomalies, else a timestamp."""
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


class Kind(IntEnum):
    """What a record says of an anomaly: where it came from, or (from SEALED on) how it ended."""

    SEEN = 1
    """Declared by detect, from the spool."""
    ASKED = 2
    """A person asked for it."""
    CARRIED = 3
    """Left in the spool by an earlier run."""
    UNSPOOLED = 4
    """Declared by detect; only the message could carry it, for the state folder took nothing."""
    ADOPTED = 5
    """An unfinished bundle, which no entry in the spool belongs to."""
    SEALED = 11
    REFUSED = 12
    SET_ASIDE = 13
    LOST = 14
    """With the capture that held it, or for want of room there: it was not in the spool."""
    FORGOTTEN = 15
    """An earlier ledger knew."""

    @property
    def is_outcome(self) -> bool:
        return self >= Kind.SEALED


SPOOLED: Final = frozenset({Kind.SEEN, Kind.ASKED, Kind.CARRIED})
"""These are in the spool until they have an outcome."""


class State:
    """What the records say.

    Attributes:
        counts: anomalies by kind.
        origins, outcomes: by timestamp, of those that are not summed up.
    """

    def __init__(self) -> None:
        self.counts: Counter[Kind] = Counter()
        self.origins: dict[int, Kind] = {}
        self.outcomes: dict[int, Kind] = {}

    @property
    def open(self) -> list[int]:
        """Anomalies without an outcome."""
        return [one for one in self.origins if one not in self.outcomes]

    def take(self, value: int, kind: int) -> None:
        """A record; one that says what is known already changes nothing."""
        meant = Kind(kind & ~_SUM)
        known = self.outcomes if meant.is_outcome else self.origins
        if kind & _SUM:
            self.counts[meant] += value
        elif value not in known:
            known[value] = meant
            self.counts[meant] += 1


def begin(runtime_dir: Path, spool_dir: Path) -> None:
    """Make the ledger of this folder, if there is none: what is in the spool was left.

    Raises:
        OSError: it cannot be made.
    """
    path = runtime_dir / NAME
    if path.exists():
        return
    said = evaluated(runtime_dir)
    known = said.declared - said.unspooled
    sums = [(known, Kind.SEEN | _SUM), (known, Kind.FORGOTTEN | _SUM)] if known else []
    left = (names.timestamp_of_spooled(entry.name) for entry in spool.pending(spool_dir))
    _make(path, [*sums, *((one, int(Kind.CARRIED)) for one in left if one is not None)])


class Ledger:
    """The writer's side; one writer at a time. Goes on with what a predecessor wrote.

    Raises:
        OSError: there is no ledger and none can be made.
    """

    def __init__(self, runtime_dir: Path, spool_dir: Path, log: logging.Logger) -> None:
        begin(runtime_dir, spool_dir)
        self._path = runtime_dir / NAME
        self._log = log
        self._open()

    def _open(self) -> None:
        self._fd = open_trusted(self._path, flags=os.O_RDWR)
        self.state = State()
        self._written = _take_all(self.state, os.pread(self._fd, _BYTES, 0))

    def enter(self, timestamp: int, origin: Kind) -> None:
        """Capture knows of an anomaly; of one that it knew, nothing new."""
        if timestamp not in self.state.origins:
            self._write(timestamp, origin)

    def close_entry(self, timestamp: int, outcome: Kind) -> None:
        """Nothing more will become of it; the first outcome counts."""
        if timestamp in self.state.origins and timestamp not in self.state.outcomes:
            self._write(timestamp, outcome)

    def _write(self, timestamp: int, kind: Kind) -> None:
        try:
            if self._written == MAX_RECORDS:
                self._sum_up()
            os.pwrite(self._fd, _packed([(timestamp, kind)]), self._written * _RECORD.itemsize)
            self._written += 1
        except OSError as error:
            self._log.error("the ledger is not written: %s", error)
        self.state.take(timestamp, kind)

    def _sum_up(self) -> None:
        """Begin the file anew, with sums for what is long over."""
        state = self.state
        closed = [one for one in state.origins if one in state.outcomes]
        old = set(closed[: max(0, len(closed) - KEPT)])
        sums = Counter(state.counts)
        kept: list[tuple[int, int]] = []
        for known in (state.origins, state.outcomes):
            for timestamp, kind in known.items():
                if timestamp not in old:
                    sums[kind] -= 1
                    kept.append((timestamp, kind))
        summed = [(count, kind | _SUM) for kind, count in sums.items() if count > 0]
        if len(summed) + len(kept) >= MAX_RECORDS:
            raise OSError("more anomalies without an outcome than it can hold")
        _make(self._path, [*summed, *kept])
        os.close(self._fd)
        self._open()

    def close(self) -> None:
        os.close(self._fd)


class LedgerReader:
    """The reader's side: `state` is as of the last `update`."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / NAME
        self._inode = 0
        self._read = 0
        self.state = State()

    def update(self) -> bool:
        """Read what is new; False: there is no ledger."""
        try:
            fd = open_trusted(self._path)
        except OSError:
            return False
        try:
            inode = os.fstat(fd).st_ino
            if inode != self._inode:
                self._inode, self._read, self.state = inode, 0, State()
            offset = self._read * _RECORD.itemsize
            self._read += _take_all(self.state, os.pread(fd, _BYTES - offset, offset))
        finally:
            os.close(fd)
        return True


def _take_all(state: State, content: bytes) -> int:
    """Take the records up to the first that is none; how many there were."""
    whole = len(content) // _RECORD.itemsize * _RECORD.itemsize
    records = np.frombuffer(content[:whole], _RECORD)
    good = (records["check"] == _check(records)) & (records["kind"] > 0)
    count = len(records) if good.all() else int(np.argmin(good))
    rows = records[:count]
    for value, kind in zip(rows["value"].tolist(), rows["kind"].tolist(), strict=True):
        with suppress(ValueError):  # of a later version
            state.take(value, kind)
    return count


def _check(records: NDArray[np.void]) -> NDArray[np.uint32]:
    mixed = (records["value"] ^ records["kind"].astype(np.uint64)) * _MIX
    check: NDArray[np.uint32] = (mixed >> np.uint64(32)).astype(np.uint32)
    return check


def _packed(rows: Iterable[tuple[int, int]]) -> bytes:
    records = np.array([(value, kind, 0) for value, kind in rows], _RECORD)
    records["check"] = _check(records)
    return records.tobytes()


def _make(path: Path, rows: Iterable[tuple[int, int]]) -> None:
    """A ledger with these records, whole when it appears; it has its room from the beginning."""
    staging = path.with_suffix(".new")
    staging.unlink(missing_ok=True)
    fd = create_fd(staging)
    try:
        os.posix_fallocate(fd, 0, _BYTES)
        os.pwrite(fd, _packed(rows), 0)
    finally:
        os.close(fd)
    staging.rename(path)
