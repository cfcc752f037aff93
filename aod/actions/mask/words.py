"""The lines that hold one of many words, found for all words at once.

A search for each word would take as long as all the rest. So each letter's pair with the next is
looked up, and behind a hit the next pair: that leaves few places that are none of the words."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

_PAIR_BYTES: Final = 2
_PAIRS: Final = 1 << 16
_GROUPS: Final = 8
_LETTERS: Final = range(256)
_DENSE_BYTES: Final = 24

_Places = npt.NDArray[np.intp]
_Table = npt.NDArray[np.uint8]


class Words:
    """Some words in lower case; `but` is the pattern of longer ones, which are harmless."""

    def __init__(self, words: Iterable[bytes], but: bytes = b"") -> None:
        listed = sorted(set(words))
        self._exactly = re.compile(
            (rb"(?!" + but + rb")" if but else b"")
            + b"(?:"
            + b"|".join(map(re.escape, listed))
            + b")"
        )
        self._first: _Table = np.zeros(_PAIRS, np.uint8)
        self._second: _Table = np.zeros(_PAIRS, np.uint8)
        for number, one in enumerate(listed):
            # Where any pair may follow, the others of the group would be looked for in vain.
            group = 0 if len(one) <= _PAIR_BYTES else 1 + number % (_GROUPS - 1)
            self._first[list(_pairs(one[:_PAIR_BYTES]))] |= 1 << group
            self._second[list(_pairs(one[_PAIR_BYTES : 2 * _PAIR_BYTES]))] |= 1 << group

    def runs(self, low: bytes) -> Iterator[tuple[int, int]]:
        """From where to where such lines go, those next to each other in one; low is lower case.
        Where there are very many words, all of it."""
        places = self._places(low)
        if len(places) > len(low) // _DENSE_BYTES + _GROUPS:
            yield 0, len(low)
            return
        start = end = -1
        for at in places.tolist():
            if at < end or not self._exactly.match(low, at):
                continue
            begin = low.rfind(b"\n", max(end, 0), at) + 1 or max(end, 0)
            if start >= 0 and begin > end + 1:
                yield start, end
                start = -1
            start = begin if start < 0 else start
            end = low.find(b"\n", at)
            end = len(low) if end < 0 else end
        if start >= 0:
            yield start, end

    def _places(self, low: bytes) -> _Places:
        padded = low + bytes(2 * _PAIR_BYTES + len(low) % _PAIR_BYTES)
        odd_and_even = [self._places_from(padded, first) for first in range(_PAIR_BYTES)]
        return np.sort(np.concatenate(odd_and_even))

    def _places_from(self, padded: bytes, first: int) -> _Places:
        pairs = np.frombuffer(padded, "<u2", (len(padded) - first) // _PAIR_BYTES, first)
        groups = self._first.take(pairs[:-1])
        found: _Places = np.flatnonzero(groups)
        found = found[groups[found] & self._second[pairs[found + 1]] != 0]
        places: _Places = found * _PAIR_BYTES + first
        return places


def _pairs(letters: bytes) -> Iterator[int]:
    """All that begin so, as numbers."""
    for first in letters[:1] or _LETTERS:
        for second in letters[1:2] or _LETTERS:
            yield first | second << 8
