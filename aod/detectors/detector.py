"""All rules of a configuration over one stream of records. Pure, but for what it remembers."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from aod.anomaly import MAX_LISTED, Anomaly, Operation, Relation
from aod.detectors import renewal, window
from aod.detectors.api import Rule
from aod.detectors.describe import describe, operations
from aod.event import CONNECTION, OWN, Events, without_own
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
    """Rules whose own code failed, and how; they are off from now on, the others go on."""


class Episode(Struct, frozen=True, kw_only=True):
    """The state of one anomaly of the configuration."""

    anomaly: Identifier
    name: Identifier
    declared: Natural
    last_timestamp: Natural
    """Of the last declaration, ns since the epoch; 0: none yet."""
    quiet_until_ns: Natural
    """End of the cool-down, CLOCK_MONOTONIC."""
    suppressed: Natural
    """Triggers since the last declaration; the next one reports them."""
    suppressed_before: Natural
    """Triggers that earlier declarations have reported."""
    hanging: Natural
    """Operations reported as hanging that have not ended."""
    fault: Text = ""
    """Why its rule is off; empty: it is not."""


class _Watch:
    """One rule and what it remembers."""

    def __init__(self, rule: Rule, index: int):
        self.rule, self.index = rule, index
        self.state = window.State()
        self.declared = self.suppressed_before = 0
        self.last: Anomaly | None = None
        self.bundles: deque[tuple[int, int]] = deque(maxlen=_MAX_BUNDLES)
        """(time of the trigger, timestamp of the anomaly) of the declarations, last one first."""
        self.fault = ""

    def feed(
        self, events: Events, offset_ns: int, names: Callable[[], Names]
    ) -> tuple[list[Anomaly], dict[bytes, Ended]]:
        """What it declares, and the operations whose hanging ended, by record."""
        self.state, declared, ends = window.step(self.rule, self.state, events)
        if not declared and not ends.reported_ns:
            return [], {}
        known = names()
        self.declared += len(declared)
        self.suppressed_before += sum(one.suppressed for one in declared)
        anomalies = [describe(self.rule, self.index, one, offset_ns, known) for one in declared]
        self.bundles.extendleft((one.trigger_ns, one.timestamp) for one in anomalies)
        ended = {}
        over = zip(ends.records, operations(ends.records, known), ends.reported_ns, strict=True)
        for record, operation, reported_ns in over:
            covering = (timestamp for at_ns, timestamp in self.bundles if at_ns <= reported_ns)
            ended[record.tobytes()] = Ended(operation, next(covering, 0))
        return anomalies, ended

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
        """`names` is called when something is declared or an expiry's time is up, not before.
        `realtime_offset_ns` may be changed: it dates what is declared from then on."""
        self._watches = [_Watch(rule, index) for index, rule in enumerate(rules)]
        self.realtime_offset_ns = realtime_offset_ns
        self._names = names
        self._expired = renewal.State()

    def feed(self, events: Events) -> Found:
        """What these records (shape (n,), `EVENT_DTYPE`) give rise to; our own are passed over:
        evidence that hangs with its server must not cause more evidence."""
        return self._evaluated(self._counting(events))

    def settle(self, now_ns: int) -> Found:
        """What counts as there is nothing more: all records that ended by `now_ns` were fed."""
        self._expired, late = renewal.settle(self._expired, now_ns, self._names)
        return self._evaluated(late) if len(late) else Found([], [], [])

    def _counting(self, events: Events) -> Events:
        """The records to be evaluated now. One look at the flags: most have none."""
        flags = int(np.bitwise_or.reduce(events["flags"]))
        if flags & OWN:
            events = without_own(events)
        if flags & CONNECTION or self._expired.held:
            self._expired, events = renewal.step(self._expired, events, self._names)
        return events

    def _evaluated(self, events: Events) -> Found:
        anomalies: list[Anomaly] = []
        ended: dict[bytes, Ended] = {}
        faults: list[str] = []
        for watch in self._watches:
            if watch.fault:
                continue
            try:
                declared, over = watch.feed(events, self.realtime_offset_ns, self._names)
            except Exception as error:  # another package's code, perhaps: it costs only itself
                watch.fault = text(f"{type(error).__name__}: {error}")
                faults.append(f"'{watch.rule.frame.name}': {watch.fault}")
                continue
            anomalies += declared
            ended |= over  # several rules may have declared one
        anomalies.sort(key=lambda one: one.timestamp)
        return Found([self._related(one) for one in anomalies], list(ended.values()), faults)

    def remember(self, events: Events) -> None:
        """Take in records that were evaluated before; they declare nothing."""
        events = self._counting(events)
        for watch in self._watches:
            try:
                watch.state = window.remember(watch.rule, watch.state, events)
            except Exception as error:
                watch.fault = text(f"{type(error).__name__}: {error}")

    def follow(self, before: "Detector") -> list[Episode]:
        """Take the place of a detector of another configuration, once its records are remembered.

        Anomalies that both have, by name and type, go on; the episodes of the others are over, and
        returned."""
        ours = {(one.rule.frame.name, one.rule.frame.kind): one for one in self._watches}
        self._expired = before._expired
        over = []
        for watch in before._watches:
            successor = ours.get((watch.rule.frame.name, watch.rule.frame.kind))
            if successor is None:
                over.append(watch.episode())
                continue
            successor.declared, successor.last = watch.declared, watch.last
            successor.suppressed_before, successor.bundles = watch.suppressed_before, watch.bundles
            successor.state = window.succeeded(successor.state, watch.state)
        return over

    def _related(self, anomaly: Anomaly) -> Anomaly:
        """The anomaly with what had been declared of its incident; it is the last one from now."""
        related = []
        for watch in self._watches:
            last, span_ns = watch.last, max(watch.rule.frame.cooldown_ns, INCIDENT_NS)
            if watch.rule.frame.name == anomaly.name:
                own = watch
            elif last is not None and anomaly.trigger_ns - last.trigger_ns < span_ns:
                related.append(Relation(last.timestamp, last.anomaly, last.name))
        own.last = replace(anomaly, related=tuple(related[:MAX_LISTED]))
        return own.last

    def episodes(self) -> tuple[Episode, ...]:
        """Their states, in the order of the configuration."""
        return tuple(watch.episode() for watch in self._watches)
