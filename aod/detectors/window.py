"""The sliding window and the episode: when matches become an anomaly.

Declared when more than `acceptable_count` matching records ended within one window, or at once when
one record is an emergency. After a declaration the anomaly is in an episode until the cool-down is
over: further triggers are suppressed, not declared; but an emergency interrupts an episode that
began with a count, once. A declaration uses its matches up: they count for no later one.

Pure: state and records in, state and declarations out. Time is the records' own. For a stream in
order, how it is cut into batches makes no difference, nor does the order within a batch. Operations
found in flight by one scan have the same time and come together: the first of them that declares
stands for all."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from aod import anomaly
from aod.detectors.api import Rule
from aod.detectors.hung import MAX_ENDED, Ends, Hung, settle
from aod.event import IN_FLIGHT, NO_EVENTS, Events, in_order, joined

MAX_RECENT: Final = 1024
"""Matches of the window that a declaration carries, the last ones."""
MAX_TIMES: Final = 1 << 17
"""Matches of the window that are counted: above `acceptable_count` (at most 65,536) it makes no
difference to what is declared, and memory has an end."""
FIRST_SPAN: Final = 256
"""Matches scanned for the next trigger, doubled while there is none: however many declarations a
batch leads to, its cost stays in proportion to its length."""


@dataclass(frozen=True)
class Declaration:
    """A rule found an anomaly."""

    rule: anomaly.Cause
    trigger_ns: int
    count: int
    """Matches in the window that ends at the trigger; at most `MAX_TIMES`."""
    suppressed: int
    """Triggers since the last declaration that were not declared."""
    matched: Events
    """The last `MAX_RECENT` of them, in order."""
    ended: Events
    """Ends of operations that were reported as hanging, since the last declaration."""


@dataclass(frozen=True, eq=False)
class State:
    """What a detector remembers between two batches."""

    times: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """End times in ns of the matches that may still count, sorted."""
    recent: Events = field(default_factory=lambda: NO_EVENTS)
    """The last matching records, sorted."""
    used_ns: int = -1
    """Matches up to here are used up by a declaration."""
    quiet_until_ns: int = 0
    """End of the cool-down."""
    may_escalate: bool = False
    suppressed: int = 0
    """Triggers since the last declaration."""
    hung: Hung = field(default_factory=dict)
    """Operations reported as hanging: they have counted, their end does not count again."""
    ended: Events = field(default_factory=lambda: NO_EVENTS)
    """How such operations ended, since the last declaration."""


def step(rule: Rule, state: State, events: Events) -> tuple[State, tuple[Declaration, ...], Ends]:
    """Evaluate a batch of records: shape (n,), dtype `EVENT_DTYPE`, in any order."""
    state, matched, ended = _settled(rule, state, events)
    if ended.reported_ns:
        state = replace(state, ended=joined(state.ended, ended.records))
    declared: tuple[Declaration, ...] = ()
    if matched is not None:
        state, declared = _evaluate(rule, state, matched)
    if len(state.ended) > MAX_ENDED:
        state = replace(state, ended=state.ended[-MAX_ENDED:])
    return state, declared, ended


def remember(rule: Rule, state: State, events: Events) -> State:
    """Take in records that were evaluated before, perhaps by another rule: those in the window
    count for what follows, and declare nothing."""
    state, matched, _ = _settled(rule, state, events)
    return state if matched is None else matched.remembered_by(rule, state)


def succeeded(state: State, before: State) -> State:
    """The state of a rule that takes the place of another, whose episode goes on."""
    hung = {**state.hung, **before.hung}
    return replace(before, times=state.times, recent=state.recent, hung=hung)


def _settled(rule: Rule, state: State, events: Events) -> tuple[State, "_Matches | None", Ends]:
    """The state with who hangs now, the records that count, and the ends of hung operations."""
    found = rule.matches(events)
    if not found.any():
        return state, None, Ends(NO_EVENTS)
    new = in_order(events.compress(found))
    urgent = rule.emergencies(new)
    hung, counts, ended = settle(state.hung, new, urgent)
    if hung is not state.hung:
        state = replace(state, hung=hung)
    if not counts.all():
        new, urgent = new.compress(counts), urgent.compress(counts)
    return state, _Matches.of(state, new, urgent) if len(new) else None, ended


@dataclass(frozen=True, eq=False)
class _Matches:
    """The matches of the window and those of the batch, in order of time; arrays of shape (n,)."""

    times: NDArray[np.int64]
    urgent: NDArray[np.bool_]
    fresh: NDArray[np.bool_]
    """Those of the batch."""
    first: int
    """Index of the first to evaluate. Older ones that are not earlier than the batch are evaluated
    again: a record that came late may make one a trigger, but it is not suppressed again."""
    ends: NDArray[np.int64]
    """Index behind the last match in the window of each: itself, or the last found with it."""
    before: Events
    """The last records before the batch."""
    new: Events
    """Those of the batch."""

    @classmethod
    def of(cls, state: State, new: Events, urgent: NDArray[np.bool_]) -> Self:
        old = np.zeros(len(state.times), np.bool_)
        times = np.concatenate((state.times, new["end_ns"].astype(np.int64)))
        urgent = np.concatenate((old, urgent))
        together = np.concatenate((old, (new["flags"] & IN_FLIGHT) != 0))
        fresh = np.concatenate((old, np.ones(len(new), np.bool_)))
        first = int(np.searchsorted(state.times, times[len(old)]))
        if first < len(old):
            order = np.argsort(times, kind="stable")
            times, urgent, fresh = times[order], urgent[order], fresh[order]
            together = together[order]
        ends = np.arange(1, len(times) + 1)
        ends[together] = np.searchsorted(times, times[together], side="right")
        return cls(times, urgent, fresh, first, ends, before=state.recent, new=new)

    @cached_property
    def recent(self) -> Events:
        """The last records, those of the batch included, in order of time."""
        return in_order(joined(self.before, self.new))

    def counts(self, rule: Rule, state: State, part: slice) -> NDArray[np.int64]:
        """How many matches lie in the window of each, used ones left out."""
        over_ns = np.maximum(self.times[part] - rule.frame.window_ns, state.used_ns)
        begins = np.searchsorted(self.times, over_ns, side="right")
        counts: NDArray[np.int64] = np.minimum(self.ends[part] - begins, MAX_TIMES)
        return counts

    def triggers(self, rule: Rule, state: State, part: slice) -> NDArray[np.bool_]:
        """Which would be declared if there were no episodes."""
        many = self.counts(rule, state, part) > rule.frame.acceptable_count
        return (self.urgent[part] | many) & (self.times[part] > state.used_ns)

    def last(self, index: int, count: int) -> Events:
        """Records of the `count` matches in the window of match `index`, those that are here."""
        aligned = len(self.recent) - (len(self.times) - int(self.ends[index]))
        # A record that came very late is in `recent` among those that the times have forgotten.
        in_time = np.searchsorted(self.recent["end_ns"], np.uint64(self.times[index]), "right")
        end = min(aligned, int(in_time))
        return self.recent[max(0, end - min(count, MAX_RECENT)) : end]

    def remembered_by(self, rule: Rule, state: State) -> State:
        """The state with what may still count, and its last records."""
        over_ns = max(int(self.times[-1]) - rule.frame.window_ns, state.used_ns)
        times = self.times[np.searchsorted(self.times, over_ns, side="right") :][-MAX_TIMES:]
        recent = in_order(joined(self.before, self.new[-MAX_RECENT:]))
        return replace(state, times=times, recent=joined(recent[-MAX_RECENT:]))


def _evaluate(rule: Rule, state: State, matched: _Matches) -> tuple[State, tuple[Declaration, ...]]:
    """Walk from trigger to trigger."""
    declared: list[Declaration] = []
    at, length = matched.first, FIRST_SPAN
    while at < len(matched.times):
        part = slice(at, at + length)
        triggers = matched.triggers(rule, state, part)
        free = matched.times[part] >= state.quiet_until_ns
        if state.may_escalate:
            free |= matched.urgent[part]
        through = np.flatnonzero(triggers & free)
        end = at + int(through[0]) if through.size else part.stop
        suppressed = int((triggers[: end - at] & matched.fresh[at:end]).sum())
        state = replace(state, suppressed=state.suppressed + suppressed)
        if through.size:
            state, declaration = _declare(rule, state, matched, end)
            declared.append(declaration)
            at, length = end + 1, FIRST_SPAN
        else:
            at, length = end, length * 2
    return matched.remembered_by(rule, state), tuple(declared)


def _declare(rule: Rule, state: State, matched: _Matches, index: int) -> tuple[State, Declaration]:
    """The declaration that match `index` triggers, and the state that it leaves."""
    trigger_ns = int(matched.times[index])
    count = int(matched.counts(rule, state, slice(index, index + 1))[0])
    before = state.ended["end_ns"] < np.uint64(trigger_ns)
    cause = anomaly.Cause.EMERGENCY if matched.urgent[index] else anomaly.Cause.COUNT
    declaration = Declaration(
        rule=cause,
        trigger_ns=trigger_ns,
        count=count,
        suppressed=state.suppressed,
        matched=joined(matched.last(index, count)),
        ended=state.ended[before][-MAX_ENDED:],
    )
    state = replace(
        state,
        used_ns=trigger_ns,
        quiet_until_ns=trigger_ns + rule.frame.cooldown_ns,
        may_escalate=cause is anomaly.Cause.COUNT,
        suppressed=0,
        ended=state.ended[~before],
    )
    return state, declaration
