"""The sliding window and the episode: when matches become an anomaly.

Declared when more than `acceptable_count` matching operations ended within one window, or at once
when one operation is an emergency. After a declaration the anomaly is in an episode until the
cool-down is over: further triggers are counted, not declared; but an emergency interrupts an
episode that began with a count, once. A declaration uses its matches up: they count for no later
one.

Pure: state and records in, state and declarations out. Time is the records' own.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aod import anomaly
from aod.event import EVENT_DTYPE, IN_FLIGHT, Events
from aod.rules import Rule, emergencies, matches

MAX_EVIDENCE: Final = 64
"""Records that a declaration carries."""
MAX_RECENT: Final = 1024
"""Matching records kept to choose the evidence from."""
MAX_HUNG: Final = 4096

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
    """The last matching records."""
    used_ns: int = 0
    """Matches up to here are used up by a declaration."""
    quiet_until_ns: int = 0
    """End of the cool-down."""
    may_escalate: bool = False
    suppressed: int = 0
    hung: frozenset[Operation] = frozenset()
    """Operations told as hanging: their end is no second emergency."""


def initial_state() -> State:
    return State(np.empty(0, np.int64), np.empty(0, EVENT_DTYPE))


def step(rule: Rule, state: State, events: Events) -> tuple[State, tuple[Declaration, ...]]:
    """Evaluate a batch of records.

    Args:
        events: shape (n,), dtype `EVENT_DTYPE`, in any order.
    """
    found = matches(rule, events)
    if not found.any():
        return state, ()
    new = events[found]
    new = new[np.argsort(new["end_ns"], kind="stable")]
    urgent, hung = _urgent(rule, state, new)
    state = replace(state, hung=hung, recent=np.concatenate((state.recent, new))[-MAX_RECENT:])
    return _evaluate(rule, state, new["end_ns"].astype(np.int64), urgent)


def _operations(events: Events) -> list[Operation]:
    starts = events["end_ns"] - events["latency_ns"]
    return list(
        zip(events["session_id"].tolist(), events["mid"].tolist(), starts.tolist(), strict=True)
    )


def _urgent(
    rule: Rule, state: State, new: Events
) -> tuple[NDArray[np.bool_], frozenset[Operation]]:
    """Which records are emergencies of their own, and the operations now known to hang."""
    urgent = emergencies(rule, new)
    hung = state.hung
    for index in np.flatnonzero(urgent):
        (operation,) = _operations(new[index : index + 1])
        if new["flags"][index] & IN_FLIGHT:
            hung = hung | {operation} if len(hung) < MAX_HUNG else frozenset({operation})
        elif operation in hung:
            urgent[index] = False
            hung -= {operation}
    return urgent, hung


@dataclass(frozen=True, eq=False)
class _Candidates:
    """The matches of the window and of the batch, in order of time; arrays of shape (n,)."""

    times: NDArray[np.int64]
    urgent: NDArray[np.bool_]
    counts: NDArray[np.int64]
    """How many matches lie in the window that ends with this one, used ones left out."""
    fires: NDArray[np.bool_]
    """Which are triggers, and not evaluated yet."""


def _evaluate(
    rule: Rule, state: State, new: NDArray[np.int64], urgent: NDArray[np.bool_]
) -> tuple[State, tuple[Declaration, ...]]:
    """Merge the new matches into the window and walk over what fires."""
    times = np.concatenate((state.times, new))
    flags = np.concatenate((np.zeros(len(state.times), np.bool_), urgent))
    order = np.argsort(times, kind="stable")
    times, flags = times[order], flags[order]
    first = int(np.searchsorted(times, new[0]))
    declared: list[Declaration] = []
    while True:
        candidates = _candidates(rule, state, times, flags, first)
        index = _next_declaration(state, candidates)
        if index is None:
            break
        declared.append(_declare(rule, state, candidates, index))
        state = _after(rule, state, declared[-1])
        first = index + 1
    remembered_ns = max(int(times[-1]) - rule.window_ns, state.used_ns)
    suppressed = state.suppressed + int(candidates.fires.sum())
    return replace(state, suppressed=suppressed, times=times[times > remembered_ns]), tuple(
        declared
    )


def _candidates(
    rule: Rule, state: State, times: NDArray[np.int64], urgent: NDArray[np.bool_], first: int
) -> _Candidates:
    begins = np.searchsorted(times, np.maximum(times - rule.window_ns, state.used_ns), side="right")
    ends = np.searchsorted(times, times, side="right")
    counts = np.asarray(ends - begins, np.int64)
    fires = (urgent | (counts > rule.acceptable_count)) & (times > state.used_ns)
    fires[:first] = False
    return _Candidates(times, urgent, counts, fires)


def _next_declaration(state: State, candidates: _Candidates) -> int | None:
    """The first trigger that the episode lets through."""
    free = candidates.fires & (candidates.times >= state.quiet_until_ns)
    if state.may_escalate:
        free |= candidates.fires & candidates.urgent
    index = int(np.argmax(free))
    return index if free[index] else None


def _declare(rule: Rule, state: State, candidates: _Candidates, index: int) -> Declaration:
    trigger_ns = int(candidates.times[index])
    begin_ns = max(trigger_ns - rule.window_ns, state.used_ns)
    return Declaration(
        rule=anomaly.Rule.EMERGENCY if candidates.urgent[index] else anomaly.Rule.COUNT,
        trigger_ns=trigger_ns,
        count=int(candidates.counts[index]),
        suppressed=state.suppressed + int(candidates.fires[:index].sum()),
        evidence=_evidence(state.recent, begin_ns, trigger_ns),
    )


def _evidence(recent: Events, begin_ns: int, trigger_ns: int) -> Events:
    inside = recent[(recent["end_ns"] > begin_ns) & (recent["end_ns"] <= trigger_ns)]
    return inside[np.argsort(inside["latency_ns"], kind="stable")[::-1][:MAX_EVIDENCE]]


def _after(rule: Rule, state: State, declaration: Declaration) -> State:
    return replace(
        state,
        used_ns=declaration.trigger_ns,
        quiet_until_ns=declaration.trigger_ns + rule.cooldown_ns,
        may_escalate=declaration.rule is anomaly.Rule.COUNT,
        suppressed=0,
    )
