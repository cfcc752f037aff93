"""All rules of a configuration over one stream of records. Pure, but for what it remembers."""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from aod.anomaly import MAX_LISTED, Anomaly, Operation, Relation
from aod.detectors import window
from aod.detectors.api import Rule
from aod.detectors.describe import describe
from aod.detectors.hung import Ends
from aod.detectors.words import operations
from aod.event import Events, without_own
from aod.smb.peers import Names
from aod.text import Identifier, Natural, Text, text

INCIDENT_NS: Final = 60 * 10**9
"""Anomalies of different names this close together belong to one incident, whatever their
cool-down."""
_MAX_BUNDLES: Final = 256
"""Declarations of a rule whose bundles are remembered for the operations that hang."""


class Ended(NamedTuple):
    """The end of an operation that had been declared while it hung."""

    operation: Operation
    bundle: int
    """Timestamp of the anomaly that declared it; 0: not known any more."""


class Found(NamedTuple):
    """What a batch led to."""

    anomalies: list[Anomaly]
    """In order of time."""
    ended: list[Ended]
    faults: list[str]
    """Rules whose own code failed, and how; they watch no more, the others go on."""


class Episode(Struct, frozen=True, kw_only=True):
    """How it stands with one anomaly of the configuration."""

    anomaly: Identifier
    name: Identifier
    declared: Natural
    last_timestamp: Natural
    """Of the last declaration, ns since the epoch; 0: none yet."""
    quiet_until_ns: Natural
    """End of the cool-down, CLOCK_MONOTONIC."""
    suppressed: Natural
    """Triggers since the last declaration; the next one tells them."""
    suppressed_before: Natural
    """Triggers that earlier declarations have told."""
    hanging: Natural
    """Operations told as hanging that have not ended."""
    fault: Text = ""
    """Why it watches no more; empty: it does."""


class _Watch:
    """One rule and what it remembers."""

    def __init__(self, rule: Rule):
        self.rule = rule
        self.state = window.initial_state()
        self.declared = self.suppressed_before = 0
        self.last: Anomaly | None = None
        self.bundles: deque[tuple[int, int]] = deque(maxlen=_MAX_BUNDLES)
        """(time of the trigger, timestamp of the anomaly) of the last declarations."""
        self.fault = ""

    def step(self, events: Events) -> window.Outcome:
        outcome = window.step(self.rule, self.state, events)
        self.state = outcome.state
        self.declared += len(outcome.declared)
        self.suppressed_before += sum(one.suppressed for one in outcome.declared)
        return outcome

    def follow(self, before: "_Watch") -> None:
        """Take the place of one of the same name and type: its episode goes on."""
        self.declared, self.suppressed_before = before.declared, before.suppressed_before
        self.last, self.bundles = before.last, before.bundles
        self.state = window.succeeded(self.state, before.state)

    def bundle(self, reported_ns: int) -> int:
        """Timestamp of the declaration that an operation belongs to which was hanging then."""
        timestamps = (
            timestamp for at_ns, timestamp in reversed(self.bundles) if at_ns <= reported_ns
        )
        return next(timestamps, 0)

    def is_part_of(self, anomaly: Anomaly) -> bool:
        """Whether its last declaration and this later one are one incident."""
        if self.last is None or self.last.name == anomaly.name:
            return False
        span_ns = max(self.rule.frame.cooldown_ns, INCIDENT_NS)
        return anomaly.trigger_ns - self.last.trigger_ns < span_ns

    def episode(self) -> Episode:
        return Episode(
            anomaly=self.rule.frame.kind,
            name=self.rule.frame.name,
            declared=self.declared,
            last_timestamp=self.last.timestamp if self.last else 0,
            quiet_until_ns=self.state.quiet_until_ns,
            suppressed=self.state.suppressed,
            suppressed_before=self.suppressed_before,
            hanging=len(self.state.hung),
            fault=self.fault,
        )


class Detector:
    """The rules, one after the other, and what ties their anomalies together."""

    def __init__(self, rules: Sequence[Rule], realtime_offset_ns: int, names: Callable[[], Names]):
        """`names` is asked when something is declared, not before."""
        self._watches = [_Watch(rule) for rule in rules]
        self._offset_ns = realtime_offset_ns
        self._names = names

    def feed(self, events: Events) -> Found:
        """What these records (shape (n,), `EVENT_DTYPE`) give rise to; our own are passed over:
        evidence that hangs with its server must not ask for more evidence."""
        events = without_own(events)
        anomalies: list[Anomaly] = []
        ended: dict[bytes, Ended] = {}
        faults: list[str] = []
        for index, watch in enumerate(self._watches):
            if watch.fault:
                continue
            try:
                declared, over = self._ask(index, watch, events)
            except Exception as error:  # the code of a stranger, perhaps: it costs only itself
                watch.fault = text(f"{type(error).__name__}: {error}")
                faults.append(f"'{watch.rule.frame.name}': {watch.fault}")
                continue
            anomalies += declared
            ended |= over  # several rules may have declared one
        anomalies.sort(key=lambda one: one.timestamp)
        return Found([self._related(one) for one in anomalies], list(ended.values()), faults)

    def remember(self, events: Events) -> None:
        """Take in records that were evaluated before; they declare nothing."""
        events = without_own(events)
        for watch in self._watches:
            try:
                watch.state = window.remember(watch.rule, watch.state, events)
            except Exception as error:
                watch.fault = f"{type(error).__name__}: {error}"

    def follow(self, before: "Detector") -> list[Episode]:
        """Take the place of a detector of another configuration, once its records are remembered.

        Anomalies that both have, by name and type, go on; the episodes of the others are over, and
        returned.
        """
        ours = {(one.rule.frame.name, one.rule.frame.kind): one for one in self._watches}
        over = []
        for watch in before._watches:
            successor = ours.get((watch.rule.frame.name, watch.rule.frame.kind))
            if successor is None:
                over.append(watch.episode())
            else:
                successor.follow(watch)
        return over

    def _ask(
        self, index: int, watch: _Watch, events: Events
    ) -> tuple[list[Anomaly], dict[bytes, Ended]]:
        """What one rule declares, and whose hanging it saw end."""
        outcome = watch.step(events)
        if not outcome.declared and not outcome.ended.reported_ns:
            return [], {}
        names = self._names()
        declared = [
            describe(watch.rule, index, one, self._offset_ns, names) for one in outcome.declared
        ]
        watch.bundles.extend((one.trigger_ns, one.timestamp) for one in declared)
        return declared, _ended(watch, outcome.ended, names)

    def _related(self, anomaly: Anomaly) -> Anomaly:
        """The anomaly with what had been declared of its incident; it is the last one from now."""
        lasts = [watch.last for watch in self._watches if watch.is_part_of(anomaly)]
        relations = (Relation(one.timestamp, one.anomaly, one.name) for one in lasts if one)
        related = tuple(islice(relations, MAX_LISTED))
        anomaly = msgspec.structs.replace(anomaly, related=related)
        for watch in self._watches:
            if watch.rule.frame.name == anomaly.name:
                watch.last = anomaly
        return anomaly

    def episodes(self) -> tuple[Episode, ...]:
        """How it stands, in the order of the configuration."""
        return tuple(watch.episode() for watch in self._watches)


def _ended(watch: _Watch, ends: Ends, names: Names) -> dict[bytes, Ended]:
    """By record."""
    bundles = map(watch.bundle, ends.reported_ns)
    found = map(Ended, operations(ends.records, names), bundles)
    return dict(zip((record.tobytes() for record in ends.records), found, strict=True))
