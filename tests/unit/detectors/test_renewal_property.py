"""Expiries against a plain loop: random streams of two servers, cut anywhere."""

from collections.abc import Iterator
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aod.detectors.renewal import RENEWAL_NS, State, settle, step
from aod.event import Events
from aod.smb.commands import Command, ConnectionEvent
from tests.unit.detectors.expiring import (
    CIFSD,
    ELSEWHERE,
    LOGON_FAILURE,
    NAMES,
    NEW,
    OLD,
    OTHER_CIFSD,
    SECOND,
    expiry,
    happened,
    logon,
    reconnect,
    stream,
    write,
)

END_NS = 10_000 * SECOND
HOST = {OLD: "files", NEW: "files", ELSEWHERE: "attic"}
"""A session that is not here has no name."""
KINDS = st.sampled_from(["expiry", "reconnect", "reconnect", "short", "logon", "refused", "write"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, SECOND, RENEWAL_NS // 2, RENEWAL_NS, RENEWAL_NS + 1]),
        KINDS,
        st.sampled_from([OLD, NEW, ELSEWHERE, 77]),
        st.sampled_from([CIFSD, OTHER_CIFSD]),
    ),
    min_size=1,
    max_size=30,
)
CUTS = st.lists(st.integers(0, 30), max_size=6)


def record(at_ns: int, kind: str, session_id: int, pid: int) -> Events:
    if kind == "expiry":
        return expiry(at_ns, session_id, pid)
    if kind == "reconnect":
        return reconnect(at_ns, pid)
    if kind == "short":
        return happened(ConnectionEvent.CREDITS_SHORT, at_ns, pid)
    if kind == "write":
        return write(at_ns)
    return logon(at_ns, session_id, LOGON_FAILURE if kind == "refused" else 0)


def records(steps: list[tuple[int, str, int, int]]) -> Events:
    now, made = 1000 * SECOND, []
    for passed_ns, kind, session_id, pid in steps:
        now += passed_ns
        made.append(record(now, kind, session_id, pid))
    return stream(*made)


def result(events: Events, cuts: list[int]) -> list[tuple[int, ...]]:
    """What is left to be evaluated, in order of time."""
    state, left = State(), []
    for part in np.split(events, sorted(cuts)):
        state, more = step(state, part, lambda: NAMES)
        left.append(more)
    state, more = settle(state, END_NS, lambda: NAMES)
    assert (state.held, state.logons) == ((), ())
    return sorted(map(shown, stream(*left, more)))


def shown(one: np.void) -> tuple[int, ...]:
    return tuple(int(one[name]) for name in ("end_ns", "latency_ns", "command", "session_id"))


def may_be_one(first: int, second: int) -> bool:
    hosts = {HOST[number] for number in (first, second) if number in HOST}
    return len(hosts) < 2


def expected(events: Events) -> Iterator[tuple[int, ...]]:
    """The module's words, one record at a time."""
    expiries = {n: [n] for n, one in enumerate(events) if is_event(one, "SESSION_EXPIRED")}
    for n in range(len(events)):
        if n in expiries:
            continue
        free = (e for e in expiries if e < n and in_time(events, e, n))
        first = next((e for e in free if leads(events, expiries[e], n)), None)
        if first is None:
            yield shown(events[n])
        else:
            expiries[first].append(n)
    for e, led in expiries.items():
        if not any(renews(events, e, n) for n in range(e + 1, len(events))):
            for place, n in enumerate(led):
                late_ns = int(events["end_ns"][e]) + RENEWAL_NS + place
                at_ns, _, command, number = shown(events[n])
                yield late_ns, late_ns - at_ns, command, number


def leads(events: Events, led: list[int], n: int) -> bool:
    if len(led) == 1:
        same_thread = events["pid"][led[0]] == events["pid"][n]
        return is_event(events[n], "RECONNECT") and bool(same_thread)
    same_connection = events["session_id"][led[1]] == events["session_id"][n]
    return is_event(events[n], "CREDITS_SHORT") and bool(same_connection)


def is_event(one: np.void, name: str) -> bool:
    return bool(one["flags"]) and int(one["command"]) == ConnectionEvent[name]


def in_time(events: Events, e: int, n: int) -> bool:
    return int(events["end_ns"][n]) - int(events["end_ns"][e]) <= RENEWAL_NS


def renews(events: Events, e: int, n: int) -> bool:
    one = events[n]
    is_good = not one["flags"] and one["command"] == Command.SMB2_SESSION_SETUP
    is_later = one["end_ns"] > events["end_ns"][e] and in_time(events, e, n)
    names = int(events["session_id"][e]), int(one["session_id"])
    return bool(is_good and one["status"] == 0 and is_later) and may_be_one(*names)


@given(STEPS, CUTS)
def test_it_is_as_the_words_say_wherever_the_stream_is_cut(
    steps: list[tuple[int, str, int, int]], cuts: list[int]
) -> None:
    events = records(steps)
    assert result(events, cuts) == sorted(expected(events))


@given(STEPS, st.randoms())
def test_the_order_within_a_batch_makes_no_difference(
    steps: list[tuple[int, str, int, int]], random: Random
) -> None:
    events = records([(max(1, one[0]), *one[1:]) for one in steps])
    order = list(range(len(events)))
    random.shuffle(order)
    assert result(events[order], []) == result(events, [])
