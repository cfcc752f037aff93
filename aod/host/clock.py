"""Steps of the wall clock. What logs and packets say of the time before one is off by it.

The kernel's own clock (CLOCK_BOOTTIME, which runs in suspend, too) knows no steps: a jump between
the two is one of the wall clock's. Slewing, as NTP mostly does, is too slow to be a jump."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

_NS: Final = 10**9
LEAST_STEP_NS: Final = _NS // 4
_LOOK_WITHIN_NS: Final = _NS // 20
"""Two clocks that were read further apart (a stopped process) are not compared."""
MOST_SHIFT_NS: Final = 86_400 * _NS
"""Beyond that, as from 1970 to now, spans are not widened: a log would be printed whole."""
_MOST_STEPS: Final = 16
_MOST_NAMED: Final = 3


class Clocks(NamedTuple):
    """Both clocks at one moment, in ns."""

    wall_ns: int
    boot_ns: int


class Step(NamedTuple):
    """A step that was seen."""

    seen_ns: int
    """By CLOCK_BOOTTIME."""
    by_ns: int
    """Negative: back."""


class Spread(NamedTuple):
    """How far the clocks that were in force around a trigger lie apart; what is to be added to a
    span of time, so that it holds what any of them called so."""

    earlier_ns: int = 0
    """To its start, which is given by the trigger's timestamp."""
    later_ns: int = 0
    """To its end, which is now's: 0 or more."""

    @property
    def is_none(self) -> bool:
        return self == NO_SPREAD


NO_SPREAD: Final = Spread()


def read() -> Clocks | None:
    """The clocks now; None: they cannot be read at one moment."""
    before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    wall_ns = time.time_ns()
    after_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return Clocks(wall_ns, after_ns) if after_ns - before_ns < _LOOK_WITHIN_NS else None


class ClockWatch:
    """Remembers the last steps; `look` has to be called about twice a second."""

    def __init__(self, clocks: Callable[[], Clocks | None] = read) -> None:
        self._clocks = clocks
        self._last: Clocks | None = None
        self._steps: deque[Step] = deque(maxlen=_MOST_STEPS)

    def look(self) -> None:
        """See whether the clock was set since the last look."""
        now = self._clocks()
        if now and self._last:
            by_ns = (now.wall_ns - self._last.wall_ns) - (now.boot_ns - self._last.boot_ns)
            if abs(by_ns) >= LEAST_STEP_NS:
                self._steps.append(Step(now.boot_ns, by_ns))
        self._last = now or self._last

    def steps(self, age_ns: int, before_ns: int) -> tuple[Step, ...]:
        """Those since `before_ns` before what is `age_ns` old, each with its distance to that."""
        self.look()
        moment_ns = (self._last.boot_ns if self._last else 0) - age_ns
        found = (step._replace(seen_ns=step.seen_ns - moment_ns) for step in self._steps)
        return tuple(step for step in found if step.seen_ns >= -before_ns)


def spread(steps: Sequence[Step], moved_ns: int) -> Spread:
    """What these steps do to spans of time that begin before a trigger and end now.

    `moved_ns`: how far ahead of the trigger's timestamp it is on the clock of now."""
    if not steps:
        return NO_SPREAD
    # How far the clocks between the steps were ahead of now's, the newest first.
    ahead_ns = list(accumulate((-step.by_ns for step in reversed(steps)), initial=0))
    found = Spread(min(ahead_ns) + moved_ns, max(ahead_ns))
    return found if max(ahead_ns) - min(ahead_ns) <= MOST_SHIFT_NS else Spread(moved_ns, 0)


def sentence(steps: Sequence[Step]) -> str:
    """What became of the clock, for the reader of a bundle; empty: nothing."""
    if not steps:
        return ""
    named = ", ".join(map(_phrase, steps[-_MOST_NAMED:]))
    return f"the clock was set {named}: logs and packets carry the time of their moment"


def _phrase(step: Step) -> str:
    way = "back" if step.by_ns < 0 else "forward"
    side = "before" if step.seen_ns <= 0 else "after"
    by_sec, apart_sec = abs(step.by_ns) / _NS, abs(step.seen_ns) / _NS
    return f"{way} by {by_sec:,.1f} s about {apart_sec:.0f} s {side} the trigger"
