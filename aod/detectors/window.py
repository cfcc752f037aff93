"""The sliding window and the episode: when matches become an anomaly.

Declared when more than `acceptable_count` matching operations ended within one window, or at once
when one operation is an emergency. After a declaration the anomaly is in an episode until the
cool-down is over: further triggers are counted, not declared; but an emergency interrupts an
episode that began with a count, once. A declaration uses its matches up: they count for no later
one.

Pure: state and records in, state and declarations out. Time is the records' own.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from aod import anomaly
from aod.event import EVENT_DTYPE, IN_FLIGHT, Events
from aod.rules import Rule, emergencies, matches

MAX_EVIDENCE: Final = 64
"""Records that a declaration carries."""
MAX_RECENT: Final = 1024
"""Matching records up to the trigger that the evidence is chosen from."""
MAX_HUNG: Final = 4096
FIRST_LOOK: Final = 256
"""Matches looked at for the next trigger, doubled while there is none: however many declarations a
batch leads to, its cost stays in proportion to its length."""

Operation = tuple[int, int, int]
"""(session id, mid, start in ns): the same for a hung operation and for its end."""


@dataclass(frozen=True)
class Declaration:
    """A rule found an anomaly."""

    rule: anomaly.Rule
    trigger_ns: int
    count: int
    """Matches in the window that ends at the trigger."""
    suppressed: int
    """Triggers that were not declared since the last declaration."""
    evidence: Events
    """At most `MAX_EVIDENCE` matching records of that window, slowest first."""


@dataclass(frozen=True, eq=False)
class State:
    """What a detector remembers between two batches."""

    times: NDArray[np.int64]
    """End times of the matches that may still count, sorted."""
    recent: Events
    """The last matching records, sorted."""
    used_ns: int = 0
    """Matches up to here are used up by a declaration."""
    quiet_until_ns: int = 0
    """End of the cool-down."""
    may_escalate: bool = False
    suppressed: int = 0
    hung: frozenset[Operation] = frozenset()
    """Operations told as hanging: they have counted, their end does not count again."""


def initial_state() -> State:
    return State(np.empty(0, np.int64), np.empty(0, EVENT_DTYPE))


def step(rule: Rule, state: State, events: Events) -> tuple[State, tuple[Declaration, ...]]:
    """Evaluate a batch of records.

    How a stream in order of end_ns is cut into batches makes no difference, unless between two
    records of the same end_ns.

    Args:
        events: shape (n,), dtype `EVENT_DTYPE`, in any order.
    """
    found = matches(rule, events)
    if not found.any():
        return state, ()
    new, hung = _without_told(rule, state, _in_order(events[found]))
    if not len(new):
        return replace(state, hung=hung), ()
    matched = _Matches.of(rule, state, new, emergencies(rule, new))
    recent = matched.recent[-MAX_RECENT:].copy()
    first_ns = int(new["end_ns"][0])
    return _evaluate(rule, replace(state, hung=hung, recent=recent), matched, first_ns)


def _in_order(events: Events) -> Events:
    return events[np.argsort(events["end_ns"], kind="stable")]


def _operations(events: Events) -> list[Operation]:
    starts = events["end_ns"] - events["latency_ns"]
    return list(
        zip(events["session_id"].tolist(), events["mid"].tolist(), starts.tolist(), strict=True)
    )


def _without_told(rule: Rule, state: State, new: Events) -> tuple[Events, frozenset[Operation]]:
    """The records without the ends of operations that were told as hanging, and who hangs now."""
    hung = state.hung
    counts = np.ones(len(new), np.bool_)
    for index in np.flatnonzero(emergencies(rule, new)):
        (operation,) = _operations(new[index : index + 1])
        if new["flags"][index] & IN_FLIGHT:
            hung = hung | {operation} if len(hung) < MAX_HUNG else frozenset({operation})
        elif operation in hung:
            counts[index] = False
            hung -= {operation}
    return new[counts], hung


@dataclass(frozen=True, eq=False)
class _Matches:
    """The matches of the window and of the batch, in order of time; arrays of shape (n,)."""

    times: NDArray[np.int64]
    urgent: NDArray[np.bool_]
    fresh: NDArray[np.bool_]
    """Those of the batch. An older one is looked at again when a record came late: the late one
    may make it a trigger, but it is not counted again."""
    begins: NDArray[np.int64]
    """Index of the first match in the window that ends with this one."""
    ends: NDArray[np.int64]
    """Index behind the last one in it; of several at the same time, all are in it."""
    recent: Events
    """Of those before the batch the last few, and the batch, in order of time."""
    recent_ns: NDArray[np.uint64]

    @classmethod
    def of(cls, rule: Rule, state: State, new: Events, urgent: NDArray[np.bool_]) -> Self:
        times = np.concatenate((state.times, new["end_ns"].astype(np.int64)))
        order = np.argsort(times, kind="stable")
        times = times[order]
        before = np.zeros(len(state.times), np.bool_)
        recent = _in_order(np.concatenate((state.recent, new)))
        return cls(
            times=times,
            urgent=np.concatenate((before, urgent))[order],
            fresh=order >= len(before),
            begins=np.searchsorted(times, times - rule.window_ns, side="right"),
            ends=np.searchsorted(times, times, side="right"),
            recent=recent,
            recent_ns=np.ascontiguousarray(recent["end_ns"]),
        )

    def counts(self, state: State, part: slice) -> NDArray[np.int64]:
        """How many matches lie in the window of each, used ones left out."""
        used = np.searchsorted(self.times, state.used_ns, side="right")
        return self.ends[part] - np.maximum(self.begins[part], used)

    def triggers(self, rule: Rule, state: State, part: slice) -> NDArray[np.bool_]:
        """Which would be declared if there were no episodes."""
        many = self.counts(state, part) > rule.acceptable_count
        return (self.urgent[part] | many) & (self.times[part] > state.used_ns)

    def free(self, state: State, part: slice) -> NDArray[np.bool_]:
        """Which the episode lets through."""
        over = self.times[part] >= state.quiet_until_ns
        return over | self.urgent[part] if state.may_escalate else over


def _evaluate(
    rule: Rule, state: State, matched: _Matches, first_ns: int
) -> tuple[State, tuple[Declaration, ...]]:
    """Walk from trigger to trigger, beginning at the batch's first record."""
    declared: list[Declaration] = []
    at, look = int(np.searchsorted(matched.times, first_ns)), FIRST_LOOK
    while at < len(matched.times):
        part = slice(at, at + look)
        triggers = matched.triggers(rule, state, part)
        found = np.flatnonzero(triggers & matched.free(state, part))
        passed = slice(at, at + int(found[0])) if found.size else part
        suppressed = triggers[: passed.stop - at] & matched.fresh[passed]
        state = replace(state, suppressed=state.suppressed + int(suppressed.sum()))
        if found.size:
            declared.append(_declare(rule, state, matched, passed.stop))
            state = _after(rule, state, declared[-1])
            at, look = passed.stop + 1, FIRST_LOOK
        else:
            at, look = at + look, look * 2
    remembered_ns = max(int(matched.times[-1]) - rule.window_ns, state.used_ns)
    times = matched.times[matched.times > remembered_ns]
    return replace(state, times=times), tuple(declared)


def _declare(rule: Rule, state: State, matched: _Matches, index: int) -> Declaration:
    trigger_ns = int(matched.times[index])
    begin_ns = max(trigger_ns - rule.window_ns, state.used_ns)
    return Declaration(
        rule=anomaly.Rule.EMERGENCY if matched.urgent[index] else anomaly.Rule.COUNT,
        trigger_ns=trigger_ns,
        count=int(matched.counts(state, slice(index, index + 1))[0]),
        suppressed=state.suppressed,
        evidence=_evidence(matched, begin_ns, trigger_ns),
    )


def _evidence(matched: _Matches, begin_ns: int, trigger_ns: int) -> Events:
    edges = np.array([begin_ns, trigger_ns], np.uint64)
    begin, end = np.searchsorted(matched.recent_ns, edges, side="right")
    inside = matched.recent[max(begin, end - MAX_RECENT) : end]
    return inside[np.argsort(inside["latency_ns"], kind="stable")[::-1][:MAX_EVIDENCE]]


def _after(rule: Rule, state: State, declaration: Declaration) -> State:
    return replace(
        state,
        used_ns=declaration.trigger_ns,
        quiet_until_ns=declaration.trigger_ns + rule.cooldown_ns,
        may_escalate=declaration.rule is anomaly.Rule.COUNT,
        suppressed=0,
    )
