"""Exact percentiles of latencies, by command, of any number of records in bounded memory.

Two passes. The first counts, by command, how many latencies lie in each of 66,000 bins of 0.1 %
width, 17 MB in all. The second collects the distinct latencies of those few bins in which a
percentile lies: at most 16 MB for each bin below one second, and mostly a few KB.

A percentile is a latency that was measured: the lowest of which so many per mille are not higher
(nearest rank)."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aod.event import COMMANDS

PER_MILLE: Final = (500, 990, 999)

Latencies = NDArray[np.uint64]

_MANTISSA_BITS: Final = 10
_BINS: Final = (64 << _MANTISSA_BITS) + 1


def _bins(command: NDArray[np.uint8], latency_ns: Latencies) -> NDArray[np.int64]:
    """(n,): the bin of each, counted through all commands.

    The exponent and the first bits of a floating-point number: a higher latency never has a lower
    bin, whatever the rounding."""
    as_float = np.maximum(latency_ns, np.uint64(1)).astype(np.float64)
    key = as_float.view(np.int64) >> (52 - _MANTISSA_BITS)
    within: NDArray[np.int64] = key - (1023 << _MANTISSA_BITS)
    return within + np.minimum(command, COMMANDS - 1).astype(np.int64) * _BINS


class Place(NamedTuple):
    """Where a percentile is found."""

    bin: int
    rank: int
    """From 1, among the latencies of the bin."""


class Coarse:
    """The first pass.

    Attributes:
        max_ns: (32,), the highest latency."""

    def __init__(self) -> None:
        self.max_ns = np.zeros(COMMANDS, np.uint64)
        self._counts = np.zeros((COMMANDS, _BINS), np.int64)

    def add(self, command: NDArray[np.uint8], latency_ns: Latencies) -> None:
        """Count these, (n,) each."""
        np.add.at(self._counts.reshape(-1), _bins(command, latency_ns), 1)
        np.maximum.at(self.max_ns, np.minimum(command, COMMANDS - 1), latency_ns)

    def count(self, command: int) -> int:
        """How many there are of a command."""
        return int(self._counts[command].sum())

    def place(self, command: int, per_mille: int) -> Place:
        """Where a percentile of a command lies that was seen at least once."""
        upto = np.cumsum(self._counts[command])
        rank = -(-int(upto[-1]) * per_mille // 1000)
        found = int(np.searchsorted(upto, rank))
        before = int(upto[found - 1]) if found else 0
        return Place(command * _BINS + found, rank - before)


class Exact:
    """The second pass, over the same latencies."""

    def __init__(self, places: Iterable[Place]):
        self._wanted = np.array(sorted({place.bin for place in places}), np.int64)
        nothing = np.empty(0, np.uint64), np.empty(0, np.int64)
        self._found = dict.fromkeys(self._wanted.tolist(), nothing)
        """Bin -> its distinct latencies, sorted, and how often each came."""

    def add(self, command: NDArray[np.uint8], latency_ns: Latencies) -> None:
        """Take those of these, (n,) each, that matter."""
        number = _bins(command, latency_ns)
        few = np.flatnonzero(np.isin(number, self._wanted))
        number, latency_ns = number[few], latency_ns[few]
        for one in np.unique(number).tolist():
            known, counts = self._found[one]
            new = latency_ns[number == one]
            values, where = np.unique(np.concatenate((known, new)), return_inverse=True)
            weights = np.concatenate((counts, np.ones(len(new))))
            self._found[one] = values, np.bincount(where, weights).astype(np.int64)

    def value_ns(self, place: Place) -> int:
        """The latency at a place."""
        values, counts = self._found[place.bin]
        return int(values[np.searchsorted(np.cumsum(counts), place.rank)])
