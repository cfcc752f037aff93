"""Records in the order of `in_order`, of which only pieces are ever in memory.

They arrive nearly in order, so that neighbours sorted together mostly make one run. What comes too
late for that begins another run; in the end all runs are merged, a piece of each at a time."""

import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import IO, Final

import numpy as np

from aod.event import EVENT_DTYPE, NO_EVENTS, Events, in_order, joined, order_key

PIECE: Final = 8192
"""Records that are looked at together: half a megabyte, and some copies of it."""
_SMALLEST: Final = 64
"""Of a run, when there are many."""
_LATE: Final = 2048
"""Records after which one may still come that belongs before them, and begins no other run."""


def nearly_sorted(pieces: Iterable[Events]) -> Iterator[Events]:
    """Sorted pieces; one begins before its predecessor's end where a record came very late."""
    held = NO_EVENTS
    for piece in pieces:
        both = in_order(joined(held, piece))
        due = max(0, len(both) - _LATE)
        held = both[due:]
        if due:
            yield both[:due]
    if len(held):
        yield held


def merged(runs: Iterable[Iterator[Events]]) -> Iterator[Events]:
    """The records of sorted runs, given in pieces that are not empty, in one order.

    Of equal ones, those of the first run come first."""
    fronts = [(piece, run) for run in runs if (piece := next(run, None)) is not None]
    while len(fronts) > 1:
        # Up to here nothing is missing: every other run's piece, or a later one of it, goes beyond.
        bound, owner = min((order_key(one[-1]), number) for number, (one, _) in enumerate(fronts))
        due, left = [], []
        for number, (piece, run) in enumerate(fronts):
            bisect = bisect_right if number <= owner else bisect_left
            is_due = piece["end_ns"][0] <= bound[0]  # a run that begins later costs nothing
            at = bisect(piece, bound, key=order_key) if is_due else 0
            due.append(piece[:at])
            rest = piece[at:] if at < len(piece) else next(run, None)
            if rest is not None:
                left.append((rest, run))
        fronts = left
        yield in_order(joined(*due))
    for piece, run in fronts:
        yield piece
        yield from run


class Runs:
    """Sorted runs, one behind the other in a file."""

    def __init__(self, file: IO[bytes]) -> None:
        """They begin where `file` ends, which is nobody else's."""
        self._file, self._start = file, file.tell()
        self._lengths: list[int] = []
        self._last: tuple[int, ...] = ()

    def __len__(self) -> int:
        """Of all, in records."""
        return sum(self._lengths)

    @property
    def are_in_order(self) -> bool:
        """Whether nothing is to be merged."""
        return len(self._lengths) < 2

    def append(self, piece: Events) -> None:
        """Take a sorted piece, not empty. Raises OSError: it cannot be written."""
        if not self._lengths or order_key(piece[0]) < self._last:
            self._lengths.append(0)
        self._file.write(piece.data)
        self._lengths[-1] += len(piece)
        self._last = order_key(piece[-1])

    def merged(self) -> Iterator[Events]:
        """All of them in one order. Raises OSError: they cannot be written or read."""
        self._file.flush()
        size = max(_SMALLEST, PIECE // max(1, len(self._lengths)))
        bounds = pairwise(accumulate(self._lengths, initial=0))
        return merged([self._run(start, end, size) for start, end in bounds])

    def _run(self, start: int, end: int, size: int) -> Iterator[Events]:
        for first in range(start, end, size):
            records, at = min(size, end - first), self._start + first * EVENT_DTYPE.itemsize
            content = os.pread(self._file.fileno(), records * EVENT_DTYPE.itemsize, at)
            yield np.frombuffer(content, EVENT_DTYPE, records)
