"""The window and the episode as a plain loop: slow, and obviously what the words say.

For records in order of end_ns, no two at the same time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from aod import anomaly
from aod.detectors.window import Declaration
from aod.rules import LatencyRule
from tests.unit.records import Record


@dataclass(frozen=True)
class Outcome:
    """A declaration, in a form that can be compared."""

    rule: anomaly.Rule
    trigger_ns: int
    count: int
    suppressed: int
    evidence: tuple[int, ...]
    """The mids."""

    @classmethod
    def of(cls, declaration: Declaration) -> "Outcome":
        return cls(
            declaration.rule,
            declaration.trigger_ns,
            declaration.count,
            declaration.suppressed,
            tuple(declaration.evidence["mid"].tolist()),
        )


class Limits(NamedTuple):
    """How much the detector remembers of its matches, and how much of that it shows."""

    recent: int
    evidence: int


class Reference:
    """A latency rule, one record at a time."""

    def __init__(self, rule: LatencyRule, limits: Limits):
        self.rule = rule
        self.limits = limits
        self.threshold_ns = int(rule.threshold_ns[0])
        self.emergency_ns = int(rule.emergency_ns[0])
        self.matches: list[Record] = []
        self.hung: set[tuple[int, int, int]] = set()
        self.used_ns = 0
        self.quiet_until_ns = 0
        self.last_rule: anomaly.Rule | None = None
        self.suppressed = 0
        self.declared: list[Outcome] = []

    def feed(self, stream: Iterable[Record]) -> None:
        for record in stream:
            if self._matches(record) and not self._was_told(record):
                self.matches.append(record)
                self._match(record, urgent=record.latency_ns >= self.emergency_ns)

    def _matches(self, record: Record) -> bool:
        if record.latency_ns >= self.emergency_ns:
            return True
        return not record.in_flight and record.latency_ns > self.threshold_ns

    def _was_told(self, record: Record) -> bool:
        """An operation that was told while it hung has counted; its end does not count again."""
        if record.latency_ns < self.emergency_ns:
            return False
        operation = record.session_id, record.mid, record.end_ns - record.latency_ns
        if record.in_flight:
            self.hung.add(operation)
        elif operation in self.hung:
            self.hung.remove(operation)
            return True
        return False

    def _match(self, record: Record, *, urgent: bool) -> None:
        now = record.end_ns
        begin = max(now - self.rule.window_ns, self.used_ns)
        inside = [match for match in self.matches if begin < match.end_ns <= now]
        if not urgent and len(inside) <= self.rule.acceptable_count:
            return
        escalates = urgent and self.last_rule is anomaly.Rule.COUNT
        if now < self.quiet_until_ns and not escalates:
            self.suppressed += 1
            return
        self.last_rule = anomaly.Rule.EMERGENCY if urgent else anomaly.Rule.COUNT
        slowest = sorted(
            inside[-self.limits.recent :], key=lambda match: (match.latency_ns, match.end_ns)
        )[::-1]
        mids = tuple(match.mid for match in slowest[: self.limits.evidence])
        outcome = Outcome(self.last_rule, now, len(inside), self.suppressed, mids)
        self.declared.append(outcome)
        self.used_ns, self.suppressed = now, 0
        self.quiet_until_ns = now + self.rule.cooldown_ns
