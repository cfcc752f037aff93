"""Whose turn it is, where commands of one action ask several servers at the same time."""

from collections import Counter
from collections.abc import Sequence


class Turns:
    """The order in which commands begin, each told by its place in `groups`.

    First one of each group, then of the group that owes the fewest answers: one that does not
    answer waits behind those that do, and never takes all that may run at once. Between equals it
    is the order of the list."""

    def __init__(self, groups: Sequence[str]) -> None:
        self._groups = groups
        self._waiting = list(range(len(groups)))
        self._running = 0
        self._begun = Counter[str]()
        self._owed = Counter[str]()

    @property
    def unfinished(self) -> int:
        """How many wait or run."""
        return len(self._waiting) + self._running

    def begin(self) -> int | None:
        """The one that begins now; None: all have."""
        if not self._waiting:
            return None
        chosen = min(self._waiting, key=self._rank)
        self._waiting.remove(chosen)
        self._running += 1
        self._begun[self._groups[chosen]] += 1
        self._owed[self._groups[chosen]] += 1
        return chosen

    def end(self, chosen: int, *, answered: bool) -> None:
        """One that had begun has ended; without an answer its group owes it for good."""
        self._running -= 1
        self._owed[self._groups[chosen]] -= answered

    def _rank(self, index: int) -> tuple[bool, int]:
        group = self._groups[index]
        return self._begun[group] > 0, self._owed[group]
