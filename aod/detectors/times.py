"""Sorted times in parts of growing size: to add a few to a million costs as much as the few.

A part is as long as all that came after it, or longer, so there are few of them, and a time is
copied as often as there are parts. Nothing is changed in place: an old state stays what it was."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_NONE: Final = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Times:
    """Times in ns, sorted."""

    parts: tuple[NDArray[np.int64], ...] = ()
    """None is empty; each begins where the one before it ends, or later."""

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def plus(self, later: NDArray[np.int64]) -> "Times":
        """These and others, sorted, none of which is earlier than the last of these."""
        parts = list(self.parts)
        while parts and len(parts[-1]) <= len(later):
            later = np.concatenate((parts.pop(), later))
        return Times((*parts, later)) if len(later) else self

    def split(self, time_ns: int) -> tuple["Times", NDArray[np.int64]]:
        """Those before this time, and those from it on."""
        parts, later = list(self.parts), [_NONE]
        while parts and parts[-1][-1] >= time_ns:
            part = parts.pop()
            cut = int(np.searchsorted(part, time_ns))
            later.append(part[cut:])
            parts += [part[:cut]] if cut else []
        return Times(tuple(parts)), np.concatenate(later[::-1])

    def without_first(self, count: int) -> "Times":
        """All but this many, the earliest."""
        parts = list(self.parts)
        while parts and len(parts[0]) <= count:
            count -= len(parts.pop(0))
        if parts and count > 0:
            parts[0] = parts[0][count:]
        return Times(tuple(parts))

    def count_until(self, limits_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of these are not later than each of the limits, (n,), sorted and not empty."""
        counts = np.zeros(len(limits_ns), np.int64)
        first_ns, last_ns = limits_ns[0], limits_ns[-1]
        for part in self.parts:
            if part[0] > last_ns:
                break
            if part[-1] <= first_ns:
                counts += len(part)
            else:
                counts += np.searchsorted(part, limits_ns, side="right")
        return counts
