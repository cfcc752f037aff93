"""The ledger: each anomaly that capture knows of, and its one outcome. It outlives capture.

A small file in the runtime folder: entries of 16 bytes, each appended by one call. Capture writes
an outcome before it removes the spool entry; if it is killed in between, its successor finds the
outcome and counts nothing twice. When the file is full, all but the newest anomalies are summed up.

The check value of an entry is not the CRC of the counters' ring: the file is used until the next
boot, so also by the next version, for which a ledger with another check would be empty."""

import logging
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aod.files import closing_fd, open_trusted, replace
from aod.state import names, spool
from aod.transport.position import read_evaluated

NAME: Final = "anomalies.ledger"
MAX_ENTRIES: Final = 8192
KEPT: Final = 1024
"""Anomalies with an outcome that are not summed up: a killed detect may declare the last ones
again."""
_ENTRY: Final = np.dtype([("value", "<u8"), ("kind", "<u4"), ("check", "<u4")])
_BYTES: Final = MAX_ENTRIES * _ENTRY.itemsize
_SUM: Final = 0x100
"""Added to the kind where `value` is a number of anomalies; else it is a timestamp."""
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


class Kind(IntEnum):
    """Where an anomaly came from or, from SEALED on, its outcome."""

    SEEN = 1
    """Declared by detect, found in the spool."""
    ASKED = 2
    """Requested by a person."""
    CARRIED = 3
    """Left in the spool by an earlier run."""
    UNSPOOLED = 4
    """Declared by detect when the spool could not be written; only the message carried it."""
    ADOPTED = 5
    """An unfinished bundle without an entry in the spool."""
    SEALED = 11
    REFUSED = 12
    SET_ASIDE = 13
    """Failed permanently."""
    LOST = 14
    """It was not in the spool, and capture died or had no room for it."""
    FORGOTTEN = 15
    """Its outcome was in an earlier ledger."""


SPOOLED: Final = frozenset({Kind.SEEN, Kind.ASKED, Kind.CARRIED})
"""These are in the spool until they have an outcome."""


@dataclass(slots=True)
class State:
    """The sum of all entries: anomalies by kind; those that are not summed up, by timestamp."""

    counts: Counter[Kind] = field(default_factory=Counter)
    origins: dict[int, Kind] = field(default_factory=dict)
    outcomes: dict[int, Kind] = field(default_factory=dict)

    @property
    def open(self) -> list[int]:
        """Anomalies without an outcome."""
        return [one for one in self.origins if one not in self.outcomes]

    def take(self, value: int, kind: int) -> None:
        """Add an entry; one that is known already changes nothing."""
        plain = Kind(kind & ~_SUM)
        known = self.outcomes if plain >= Kind.SEALED else self.origins
        if kind & _SUM:
            self.counts[plain] += value
        elif value not in known:
            known[value] = plain
            self.counts[plain] += 1


def begin(runtime_dir: Path, spool_dir: Path) -> None:
    """Make the ledger of this folder, if there is none; the spool is what earlier runs left. Raises
    OSError: it cannot be made."""
    path = runtime_dir / NAME
    if path.exists():
        return
    evaluated = read_evaluated(runtime_dir)
    known = evaluated.declared - evaluated.unspooled
    sums = [(known, Kind.SEEN | _SUM), (known, Kind.FORGOTTEN | _SUM)] if known else []
    left = (names.spooled.timestamp(entry.name) for entry in spool.pending(spool_dir))
    _make(path, [*sums, *((one, int(Kind.CARRIED)) for one in left if one is not None)])


class Ledger:
    """The writer's side, for one writer at a time; it continues a predecessor's. Raises OSError:
    there is no ledger and none can be made."""

    def __init__(self, runtime_dir: Path, spool_dir: Path, logger: logging.Logger) -> None:
        begin(runtime_dir, spool_dir)
        self._path = runtime_dir / NAME
        self._logger = logger
        self._open()

    def _open(self) -> None:
        self._fd = open_trusted(self._path, flags=os.O_RDWR)
        self.state = State()
        self._written = _take_all(self.state, os.pread(self._fd, _BYTES, 0))

    def enter(self, timestamp: int, origin: Kind) -> None:
        """Note an anomaly, if it is new."""
        if timestamp not in self.state.origins:
            self._write(timestamp, origin)

    def close_entry(self, timestamp: int, outcome: Kind) -> None:
        """Note its outcome; the first one counts."""
        if timestamp in self.state.origins and timestamp not in self.state.outcomes:
            self._write(timestamp, outcome)

    def _write(self, timestamp: int, kind: Kind) -> None:
        try:
            if self._written == MAX_ENTRIES:
                self._sum_up()
            os.pwrite(self._fd, _packed([(timestamp, kind)]), self._written * _ENTRY.itemsize)
            self._written += 1
        except OSError as error:
            self._logger.error("the ledger is not written: %s", error)
        self.state.take(timestamp, kind)

    def _sum_up(self) -> None:
        """Rewrite the file, with sums in place of the oldest anomalies that have an outcome."""
        state = self.state
        old = {*[one for one in state.origins if one in state.outcomes][:-KEPT]}
        entries = (*state.origins.items(), *state.outcomes.items())
        kept = [(timestamp, kind) for timestamp, kind in entries if timestamp not in old]
        sums = state.counts - Counter(kind for _, kind in kept)
        rows = [*((count, kind | _SUM) for kind, count in sums.items()), *kept]
        if len(rows) >= MAX_ENTRIES:
            raise OSError("more anomalies without an outcome than it can hold")
        _make(self._path, rows)
        os.close(self._fd)
        self._open()

    def close(self) -> None:
        os.close(self._fd)


class LedgerReader:
    """The reader's side: `state` is as of the last `update`."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path, self.state = runtime_dir / NAME, State()
        self._inode = self._read = 0

    def update(self) -> bool:
        """Read what is new; False if there is no ledger."""
        with suppress(OSError), closing_fd(open_trusted(self._path)) as fd:
            if (inode := os.fstat(fd).st_ino) != self._inode:
                self._inode, self._read, self.state = inode, 0, State()
            offset = self._read * _ENTRY.itemsize
            self._read += _take_all(self.state, os.pread(fd, _BYTES - offset, offset))
            return True
        return False


def _take_all(state: State, content: bytes) -> int:
    """Take the entries before the first invalid one; how many there were."""
    entries = np.frombuffer(content, _ENTRY, len(content) // _ENTRY.itemsize)
    good = (entries["check"] == _check(entries)) & (entries["kind"] > 0)
    count = len(entries) if good.all() else int(np.argmin(good))
    for value, kind, _ in entries[:count].tolist():
        with suppress(ValueError):  # a kind of a later version
            state.take(value, kind)
    return count


def _check(entries: NDArray[np.void]) -> NDArray[np.uint32]:
    mixed = (entries["value"] ^ entries["kind"].astype(np.uint64)) * _MIX
    check: NDArray[np.uint32] = (mixed >> np.uint64(32)).astype(np.uint32)
    return check


def _packed(rows: Iterable[tuple[int, int]]) -> bytes:
    entries = np.array([(value, kind, 0) for value, kind in rows], _ENTRY)
    entries["check"] = _check(entries)
    return entries.tobytes()


def _make(path: Path, rows: Iterable[tuple[int, int]]) -> None:
    """Write a new ledger; of full size, so that no later entry lacks the space."""
    replace(path, _packed(rows).ljust(_BYTES, b"\0"))
