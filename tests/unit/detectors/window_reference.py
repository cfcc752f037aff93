"""The window and the episode as a plain loop: slow, and obviously what the words say.

For records in the order of `aod.event`, whatever they are: what matches is asked.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple, TypeAlias

import numpy as np

from aod import anomaly
from aod.detectors.api import Frame
from aod.detectors.window import Declaration
from aod.event import IN_FLIGHT, Events

Judge: TypeAlias = Callable[[np.void], tuple[bool, bool]]
"""Whether a record matches, and whether as an emergency."""


@dataclass(frozen=True)
class Outcome:
    """A declaration, in a form that can be compared."""

    rule: anomaly.Cause
    trigger_ns: int
    count: int
    suppressed: int
    matched: tuple[int, ...]
    """The mids."""
    ended: tuple[int, ...]
    """The mids."""

    @classmethod
    def of(cls, declaration: Declaration) -> "Outcome":
        return cls(
            declaration.rule,
            declaration.trigger_ns,
            declaration.count,
            declaration.suppressed,
            tuple(declaration.matched["mid"].tolist()),
            tuple(declaration.ended["mid"].tolist()),
        )


class Limits(NamedTuple):
    """How much the detector remembers."""

    recent: int
    times: int
    ended: int


def sorted_records(events: Events) -> Events:
    """In the one order that there is, by a plain sort."""
    fields = ("end_ns", "latency_ns", "flags", "session_id", "mid", "command")
    keys = [tuple(int(event[field]) for field in fields) for event in events]
    return events[sorted(range(len(events)), key=lambda index: keys[index])]


class Reference:
    """One rule, one record at a time."""

    def __init__(self, frame: Frame, judge: Judge, limits: Limits):
        self.frame = frame
        self.judge = judge
        self.limits = limits
        self.matches: list[np.void] = []
        self.hung: set[tuple[int, int, int]] = set()
        self.ended: list[np.void] = []
        self.used_ns = -1
        self.quiet_until_ns = 0
        self.last_rule: anomaly.Cause | None = None
        self.suppressed = 0
        self.declared: list[Outcome] = []

    def feed(self, stream: Iterable[np.void]) -> None:
        for now, group in groupby(stream, lambda record: int(record["end_ns"])):
            fresh = []
            for record in group:
                matches, urgent = self.judge(record)
                if matches and not (urgent and self._was_told(record)):
                    fresh.append((record, urgent))
            self._feed_together(now, fresh)

    def _feed_together(self, now: int, fresh: list[tuple[np.void, bool]]) -> None:
        """Matches of the same time; those in flight were found together and see each other."""
        for index, (record, urgent) in enumerate(fresh):
            seen = fresh if record["flags"] & IN_FLIGHT else fresh[: index + 1]
            self._match(now, [*self.matches, *(match for match, _ in seen)], urgent=urgent)
        self.matches += [match for match, _ in fresh]

    def _was_told(self, record: np.void) -> bool:
        """An operation that was told while it hung has counted; its end does not count again."""
        start_ns = int(record["end_ns"]) - int(record["latency_ns"])
        operation = int(record["session_id"]), int(record["mid"]), start_ns
        known = operation in self.hung
        if record["flags"] & IN_FLIGHT:
            self.hung.add(operation)
        elif known:
            self.hung.remove(operation)
            self.ended.append(record)
        return known

    def _match(self, now: int, matches: list[np.void], *, urgent: bool) -> None:
        begin = max(now - self.frame.window_ns, self.used_ns)
        inside = [match for match in matches if int(match["end_ns"]) > begin]
        if now <= self.used_ns or not (urgent or len(inside) > self.frame.acceptable_count):
            return
        escalates = urgent and self.last_rule is anomaly.Cause.COUNT
        if now < self.quiet_until_ns and not escalates:
            self.suppressed += 1
            return
        self.last_rule = anomaly.Cause.EMERGENCY if urgent else anomaly.Cause.COUNT
        told = [end for end in self.ended if int(end["end_ns"]) < now]
        self.declared.append(
            Outcome(
                self.last_rule,
                now,
                min(len(inside), self.limits.times),
                self.suppressed,
                tuple(int(match["mid"]) for match in inside[-self.limits.recent :]),
                tuple(int(end["mid"]) for end in told[-self.limits.ended :]),
            )
        )
        self.ended = [end for end in self.ended if int(end["end_ns"]) >= now]
        self.used_ns, self.suppressed = now, 0
        self.quiet_until_ns = now + self.frame.cooldown_ns
