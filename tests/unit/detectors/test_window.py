"""The rules of the window and of the episode, one by one."""

from collections.abc import Iterable
from typing import get_args

import numpy as np
import pytest

from aod import anomaly
from aod.detectors import window
from aod.detectors.api import Rule
from aod.detectors.hung import MAX_HUNG
from aod.detectors.window import MAX_RECENT, Declaration, State, step
from aod.event import EVENT_DTYPE, IN_FLIGHT, Events
from aod.settings import Count
from tests.unit.records import Record, error_rule, events, slow_rule

SLOW, URGENT = 20, 500
THRESHOLDS = (10, 500)


def declare(
    rule: Rule, records: Iterable[Record], state: State | None = None
) -> tuple[State, list[Declaration]]:
    """Feed records one by one."""
    state = state or State()
    declared: list[Declaration] = []
    for record in records:
        state, found, _ = step(rule, state, events(record))
        declared += found
    return state, declared


def slow(count: int, first_ns: int, step_ns: int = 1) -> list[Record]:
    return [Record(first_ns + i * step_ns, SLOW, mid=i) for i in range(count)]


def test_acceptable_count_is_acceptable_and_one_more_declares() -> None:
    rule = slow_rule(10)
    state, declared = declare(rule, slow(10, 10_000))
    assert declared == []
    _, (one,) = declare(rule, [Record(10_500, SLOW)], state)
    assert (one.rule, one.count, one.trigger_ns) == (anomaly.Cause.COUNT, 11, 10_500)


def test_operation_at_its_threshold_does_not_match() -> None:
    rule = slow_rule(SLOW, acceptable_count=0)
    assert declare(rule, [Record(10_000, SLOW)])[1] == []
    assert len(declare(rule, [Record(10_000, SLOW + 1)])[1]) == 1


@pytest.mark.parametrize(("age_ns", "declares"), [(999, True), (1000, False)])
def test_match_as_old_as_the_window_counts_no_longer(age_ns: int, declares: bool) -> None:
    rule = slow_rule(10, acceptable_count=1)
    _, declared = declare(rule, [Record(10_000, SLOW), Record(10_000 + age_ns, SLOW)])
    assert bool(declared) is declares


def test_matches_that_declared_count_for_no_later_declaration() -> None:
    rule = slow_rule(10, acceptable_count=2)
    _, declared = declare(rule, slow(8, 10_000))
    assert [one.trigger_ns for one in declared] == [10_002, 10_005]
    assert [one.count for one in declared] == [3, 3]


def test_failed_operations_are_counted_by_the_same_rule() -> None:
    rule = error_rule("EACCES", acceptable_count=1)
    failed = [Record(10_000 + i, error=-13, status=0xC0000022) for i in range(2)]
    _, declared = declare(rule, [Record(9_999, error=-2), Record(9_999), *failed])
    assert [one.count for one in declared] == [2]


def test_one_emergency_declares_at_once() -> None:
    _, (one,) = declare(slow_rule(*THRESHOLDS), [Record(10_000, URGENT)])
    assert (one.rule, one.count) == (anomaly.Cause.EMERGENCY, 1)
    assert declare(slow_rule(*THRESHOLDS), [Record(10_000, URGENT - 1)])[1] == []


def test_operation_told_while_it_hangs_is_no_second_emergency_when_it_ends() -> None:
    rule = slow_rule(*THRESHOLDS)
    hangs = Record(10_000, 600, mid=7, in_flight=True)
    ends = Record(15_000, 5_600, mid=7)
    state, declared = declare(rule, [hangs, ends])
    assert [one.trigger_ns for one in declared] == [10_000]
    assert (state.suppressed, state.hung) == (0, {})


def test_another_operation_with_the_same_mid_is_an_emergency_of_its_own() -> None:
    rule = slow_rule(*THRESHOLDS)
    hangs = Record(10_000, 600, mid=7, in_flight=True)
    _, declared = declare(rule, [hangs, Record(15_000, 5_599, mid=7)])
    assert len(declared) == 2


def test_hanging_operation_below_the_emergency_threshold_does_not_match() -> None:
    rule = slow_rule(*THRESHOLDS, acceptable_count=0)
    assert declare(rule, [Record(10_000, 499, in_flight=True)])[1] == []


def test_hanging_operations_that_never_end_are_forgotten_some_day() -> None:
    rule = slow_rule(*THRESHOLDS, cooldown_ns=10**9)
    hanging = np.zeros(MAX_HUNG + 1, EVENT_DTYPE)
    hanging["end_ns"], hanging["latency_ns"], hanging["flags"] = 10_000, 600, IN_FLIGHT
    hanging["mid"] = np.arange(len(hanging))
    state, _, _ = step(rule, State(), hanging)
    assert 1 <= len(state.hung) <= MAX_HUNG


def test_cool_down_counts_triggers_and_the_next_declaration_tells() -> None:
    rule = slow_rule(10, acceptable_count=0, cooldown_ns=100)
    at = [10_000, 10_050, 10_099, 10_100, 10_150]
    state, declared = declare(rule, [Record(end_ns, SLOW) for end_ns in at])
    assert [(one.trigger_ns, one.suppressed) for one in declared] == [(10_000, 0), (10_100, 2)]
    assert state.suppressed == 1


def test_without_cool_down_every_trigger_declares() -> None:
    rule = slow_rule(*THRESHOLDS, acceptable_count=0, cooldown_ns=0)
    _, declared = declare(rule, [*slow(3, 10_000), Record(10_003, URGENT)])
    assert [one.trigger_ns for one in declared] == [10_000, 10_001, 10_002, 10_003]


def test_emergency_interrupts_an_episode_that_began_with_a_count_once() -> None:
    rule = slow_rule(*THRESHOLDS, acceptable_count=0, cooldown_ns=1_000)
    stream = [
        Record(10_000, SLOW),
        Record(10_100, SLOW),
        Record(10_200, URGENT),
        Record(10_300, URGENT),
    ]
    state, declared = declare(rule, stream)
    assert [(one.rule.value, one.trigger_ns, one.suppressed) for one in declared] == [
        ("count", 10_000, 0),
        ("emergency", 10_200, 1),
    ]
    assert state.suppressed == 1
    assert state.quiet_until_ns == 11_200  # the cool-down begins anew


def test_episode_that_began_with_an_emergency_is_not_interrupted() -> None:
    rule = slow_rule(*THRESHOLDS, acceptable_count=0, cooldown_ns=1_000)
    state, declared = declare(rule, [Record(10_000, URGENT), Record(10_500, URGENT)])
    assert (len(declared), state.suppressed) == (1, 1)
    _, again = declare(rule, [Record(11_000, SLOW), Record(11_001, URGENT)], state)
    assert [one.rule.value for one in again] == ["count", "emergency"]


def test_a_declaration_carries_the_matches_of_its_window_and_no_others() -> None:
    rule = slow_rule(10, acceptable_count=2)
    latencies = {9_000: 99, 10_000: 30, 10_001: 50, 10_002: 40}
    _, (one,) = declare(rule, [Record(end, latency) for end, latency in latencies.items()])
    assert one.matched["latency_ns"].tolist() == [30, 50, 40]
    assert one.matched.dtype == EVENT_DTYPE


def _storm(count: int) -> Events:
    made = np.zeros(count, EVENT_DTYPE)
    made["end_ns"] = 10**9 + np.arange(count)
    made["latency_ns"] = 1000 + np.arange(count)
    return made


def test_trigger_far_before_the_end_of_its_batch_has_its_own_matches() -> None:
    _, (one,), _ = step(slow_rule(10, cooldown_ns=10**9), State(), _storm(MAX_RECENT * 3))
    assert one.count == 11
    assert one.matched["latency_ns"].tolist() == list(range(1000, 1011))


@pytest.mark.parametrize("step_by", [1, 100, MAX_RECENT * 3])
def test_a_declaration_carries_the_last_matches_before_the_trigger(step_by: int) -> None:
    acceptable = MAX_RECENT * 2
    rule = slow_rule(10, acceptable_count=acceptable, window_ns=10**6, cooldown_ns=10**9)
    storm = _storm(MAX_RECENT * 3)
    state = State()
    found: list[Declaration] = []
    for begin in range(0, len(storm), step_by):
        state, declared, _ = step(rule, state, storm[begin : begin + step_by])
        found += declared
    (one,) = found
    assert one.count == acceptable + 1
    first = 1000 + acceptable + 1 - MAX_RECENT
    assert one.matched["latency_ns"].tolist() == list(range(first, first + MAX_RECENT))


def test_any_acceptable_count_can_be_exceeded() -> None:
    _, bounds = get_args(Count)
    assert bounds.le < window.MAX_TIMES


@pytest.mark.parametrize("step_by", [1, 3, 60])
def test_counting_has_an_end_and_memory_too(monkeypatch: pytest.MonkeyPatch, step_by: int) -> None:
    monkeypatch.setattr(window, "MAX_TIMES", 20)
    rule = slow_rule(10, acceptable_count=5, window_ns=10**6, cooldown_ns=50)
    storm = _storm(100)
    state, counts = State(), []
    for begin in range(0, len(storm), step_by):
        state, declared, _ = step(rule, state, storm[begin : begin + step_by])
        counts += [one.count for one in declared]
    assert counts == [6, 20]
    assert len(state.times) == 20
    assert state.suppressed == 100 - 5 - 50 - 1 - 5


def test_what_is_remembered_does_not_grow_with_the_batch() -> None:
    state, _, _ = step(slow_rule(10, window_ns=50), State(), _storm(MAX_RECENT * 3))
    assert len(state.recent) == MAX_RECENT
    assert state.recent.base is not None
    assert state.recent.base.nbytes == state.recent.nbytes  # no view that keeps the whole batch
    assert len(state.times) <= 50


def test_batch_without_a_match_changes_nothing() -> None:
    state, _ = declare(slow_rule(10), slow(3, 10_000))
    after, declared, _ = step(slow_rule(10), state, events(Record(20_000, 5), Record(20_001)))
    assert (after, declared) == (state, ())
    assert step(slow_rule(10), state, np.empty(0, EVENT_DTYPE))[:2] == (state, ())


def test_record_that_comes_late_still_completes_the_window() -> None:
    rule = slow_rule(10, acceptable_count=2)
    state, _, _ = step(rule, State(), events(Record(10_000, SLOW), Record(10_010, SLOW)))
    state, (one,), _ = step(rule, state, events(Record(10_005, SLOW, mid=9)))
    assert (one.trigger_ns, one.count) == (10_010, 3)
    assert 9 in one.matched["mid"]


def test_operations_found_hanging_by_one_look_are_declared_together() -> None:
    rule = slow_rule(*THRESHOLDS, cooldown_ns=1_000)
    hanging = [Record(10_000, 600 + i, mid=i, in_flight=True) for i in range(5)]
    state, (one,), _ = step(rule, State(), events(*hanging))
    assert (one.count, one.matched["mid"].tolist()) == (5, [0, 1, 2, 3, 4])
    assert state.suppressed == 0


def test_the_end_of_an_operation_that_hung_is_told_now_and_by_the_next_declaration() -> None:
    rule = slow_rule(*THRESHOLDS)
    state, _ = declare(rule, [Record(10_000, 600, mid=7, in_flight=True)])
    state, declared, ended = step(rule, state, events(Record(15_000, 5_600, mid=7)))
    assert (declared, ended.records["mid"].tolist(), ended.reported_ns) == ((), [7], (10_000,))
    state, (one,), _ = step(rule, state, events(Record(16_000, 700, mid=8)))
    assert one.ended["latency_ns"].tolist() == [5_600]
    _, (another,), _ = step(rule, state, events(Record(17_000, 700, mid=9)))
    assert len(another.ended) == 0


def test_operations_within_their_threshold_are_not_remembered() -> None:
    made = _storm(1000)
    made["latency_ns"] = 10
    state, declared, _ = step(slow_rule(10, acceptable_count=0), State(), made)
    assert declared == ()
    assert len(state.times) == 0
