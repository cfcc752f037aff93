"""The vectorised window against a plain loop, over random streams, rules and batches."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aod import anomaly
from aod.detectors import window
from aod.event import Events
from aod.rules import LatencyRule
from tests.unit.records import Record, events, slow_rule
from tests.unit.window_reference import Limits, Outcome, Reference

THRESHOLD_NS, EMERGENCY_NS = 10, 50
BEGIN_NS = 10_000
FEW = Limits(recent=6, evidence=3)

RULES = st.builds(
    lambda acceptable, window_ns, cooldown_ns: slow_rule(
        THRESHOLD_NS,
        EMERGENCY_NS,
        acceptable_count=acceptable,
        window_ns=window_ns,
        cooldown_ns=cooldown_ns,
    ),
    st.integers(0, 4),
    st.integers(1, 40),
    st.sampled_from([0, 1, 10, 30, 100]),
)
LATENCIES = st.sampled_from([0, THRESHOLD_NS, 11, 12, 30, EMERGENCY_NS - 1, EMERGENCY_NS, 70])
STEPS = st.lists(
    st.tuples(st.integers(1, 15), LATENCIES, st.sampled_from(["", "", "", "hangs", "ends"])),
    min_size=1,
    max_size=60,
)


def stream(steps: list[tuple[int, int, str]]) -> list[Record]:
    """Records in order of time; `ends` is the end of the oldest operation told as hanging."""
    made: list[Record] = []
    open_operations: list[tuple[int, int]] = []
    now = BEGIN_NS
    for mid, (step_ns, latency_ns, what) in enumerate(steps):
        now += step_ns
        if what == "ends" and open_operations:
            told, start_ns = open_operations.pop(0)
            made.append(Record(now, now - start_ns, mid=told))
            continue
        made.append(Record(now, latency_ns, mid=mid, in_flight=what == "hangs"))
        if what == "hangs":
            open_operations.append((mid, now - latency_ns))
    return made


def batches(records: list[Record], cuts: list[int]) -> Iterator[Events]:
    edges = sorted({0, len(records), *(cut % (len(records) + 1) for cut in cuts)})
    for begin, end in pairwise(edges):
        yield events(*records[begin:end])


def run(rule: LatencyRule, parts: Iterator[Events]) -> tuple[list[Outcome], int]:
    """What is declared, and how many triggers are suppressed at the end."""
    state = window.initial_state()
    declared: list[Outcome] = []
    for part in parts:
        state, found = window.step(rule, state, part)
        declared += [Outcome.of(one) for one in found]
    return declared, state.suppressed


@pytest.fixture(scope="module", autouse=True)
def limits() -> Iterator[None]:
    """Small enough that random streams reach them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "MAX_RECENT", FEW.recent)
        patch.setattr(window, "MAX_EVIDENCE", FEW.evidence)
        yield


@settings(deadline=None)
@given(RULES, STEPS, st.lists(st.integers(0, 60), max_size=8))
def test_any_cut_into_batches_declares_what_the_plain_loop_declares(
    rule: LatencyRule, steps: list[tuple[int, int, str]], cuts: list[int]
) -> None:
    records = stream(steps)
    reference = Reference(rule, FEW)
    reference.feed(records)
    assert run(rule, batches(records, cuts)) == (reference.declared, reference.suppressed)


@settings(deadline=None)
@given(
    RULES,
    STEPS,
    st.lists(st.integers(0, 60), max_size=8),
    st.randoms(use_true_random=False),
)
def test_records_out_of_order_are_never_counted_or_used_twice(
    rule: LatencyRule,
    steps: list[tuple[int, int, str]],
    cuts: list[int],
    random: Random,
) -> None:
    """Records of several CPUs come nearly in order; what is lost then is a trigger, not truth."""
    records = [record._replace(mid=index) for index, record in enumerate(stream(steps))]
    random.shuffle(records)
    declared, suppressed = run(rule, batches(records, cuts))
    triggers = [one.trigger_ns for one in declared]
    assert triggers == sorted(set(triggers))
    counted = sum(one.suppressed + 1 for one in declared) + suppressed
    matching = [r for r in records if r.latency_ns > THRESHOLD_NS]
    assert counted <= len(matching)
    assert sum(one.count for one in declared) <= len(matching)
    by_mid = {record.mid: record for record in records}
    for one in declared:
        ends = [by_mid[mid].end_ns for mid in one.evidence]
        assert all(one.trigger_ns - rule.window_ns < end <= one.trigger_ns for end in ends)
        assert one.rule is anomaly.Rule.EMERGENCY or one.count > rule.acceptable_count
