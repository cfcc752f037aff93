"""The vectorised detectors against a plain loop: random streams, rules, clocks, batches."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aod import anomaly
from aod.detectors import window
from aod.detectors.api import Rule, Settings
from aod.detectors.connection import Connection
from aod.detectors.error import Error
from aod.detectors.latency import Latency
from aod.event import CONNECTION, EVENT_DTYPE, IN_FLIGHT, UNANSWERED, Events
from aod.settings import Mode
from aod.smb.commands import Command
from tests.unit.detectors.test_error import counts
from tests.unit.detectors.test_latency import is_slow
from tests.unit.detectors.window_reference import Judge, Limits, Outcome, Reference, sorted_records
from tests.unit.records import frame

MS = 1_000_000
FEW = Limits(recent=6, times=11, ended=3)
CLOCKS_MS = st.sampled_from([0, 1, 10_000, 86_400_000, 2**43])
"""When the stream begins: right after boot, some day, after 279 years."""

SETTINGS: st.SearchStrategy[Settings] = st.one_of(
    st.builds(
        Latency,
        default_threshold_ms=st.sampled_from([10.0, 30.0]),
        emergency_threshold_ms=st.sampled_from([None, 50.0, 70.0]),
        mode=st.sampled_from([Mode.ALL, Mode.EXCLUDEONLY]),
        exclude_commands=st.sampled_from([(), ("SMB2_WRITE",)]),
    ),
    st.builds(
        Error,
        mode=st.sampled_from([Mode.ALL, Mode.TRACKONLY]),
        track_codes=st.sampled_from([("EACCES",), ("STATUS_DISK_FULL", "EIO")]),
        commands=st.sampled_from([(), ("SMB2_CREATE",)]),
    ),
    st.builds(Connection, events=st.sampled_from([(), ("reconnect",)])),
)


class Case(NamedTuple):
    """A rule, and the same in words."""

    rule: Rule
    judge: Judge


def judge_of(made: Settings) -> Judge:
    """What the manual says, one record at a time."""
    if isinstance(made, Latency):
        return lambda record: is_slow(made, record)
    if isinstance(made, Error):
        return lambda record: (counts(made, record), False)
    assert isinstance(made, Connection)
    numbers = {20} if made.events else set(range(20, 25))
    return lambda record: (
        bool(record["flags"] & CONNECTION) and int(record["command"]) in numbers,
        False,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    made = draw(SETTINGS)
    rule = made.rule(
        frame(
            "Any",
            "any",
            acceptable_count=draw(st.sampled_from([0, 1, 2, 4, 9])),
            window_ns=draw(st.sampled_from([1, 7, 20, 90])) * MS,
            cooldown_ns=draw(st.sampled_from([0, 1, 10, 30, 100])) * MS,
        )
    )
    return Case(rule, judge_of(made))


WORDS = ("", "", "fails", "refused", "hangs", "hangs", "again", "ends", "never", "cut")
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 1, 2, 5, 15]),  # ms since the last one; 0: at the same time
        st.sampled_from([0, 10, 11, 30, 31, 49, 50, 70]),  # ms
        st.sampled_from(WORDS),
        st.sampled_from([Command.SMB2_CREATE, Command.SMB2_WRITE, Command.SMB2_CHANGE_NOTIFY]),
    ),
    min_size=15,  # hypothesis makes lists about twice as long as they must be
    max_size=60,
)


def stream(begin_ms: int, steps: list[tuple[int, int, str, Command]]) -> Events:
    """Records, mostly in order; `again`, `ends` and `never` go on with what hangs the longest."""
    made = np.zeros(len(steps), EVENT_DTYPE)
    hanging: list[tuple[int, int]] = []
    now = begin_ms * MS
    for index, (step_ms, latency_ms, what, command) in enumerate(steps):
        now += step_ms * MS
        row = made[index]
        row["end_ns"], row["latency_ns"], row["mid"] = now, min(latency_ms * MS, now), index
        row["command"], row["session_id"] = command, 1
        if what == "hangs":
            row["flags"], row["latency_ns"] = IN_FLIGHT, min(80 * MS, now)
            hanging.append((index, now - int(row["latency_ns"])))
        elif what in ("again", "ends", "never") and hanging:
            mid, start_ns = hanging[0] if what == "again" else hanging.pop(0)
            row["mid"], row["latency_ns"] = mid, now - start_ns
            row["flags"] = {"again": IN_FLIGHT, "ends": 0, "never": UNANSWERED}[what]
        elif what == "cut":
            row["flags"], row["latency_ns"] = CONNECTION, 0
            row["command"] = 20 + index % 6
        elif what in ("fails", "refused"):
            row["error"] = -5 if what == "fails" else -13
            row["status"] = 0xC000007F if what == "fails" else 0xC0000022
    return made


def _whole(records: Events, cut: int) -> int:
    """A cut that parts no operations that one look found in flight: they are committed at once."""
    while 0 < cut < len(records) and records["end_ns"][cut - 1] == records["end_ns"][cut]:
        together = records["flags"][records["end_ns"] == records["end_ns"][cut]]
        if not (together & IN_FLIGHT).any():
            break
        cut += 1
    return cut


def batches(records: Events, cuts: list[int], random: Random | None = None) -> Iterator[Events]:
    """The records in batches; with `random`, each batch in any order."""
    edges = sorted({0, len(records), *(_whole(records, cut % (len(records) + 1)) for cut in cuts)})
    for begin, end in pairwise(edges):
        order = list(range(begin, end))
        if random:
            random.shuffle(order)
        yield records[order]


def run(rule: Rule, parts: Iterator[Events]) -> tuple[list[Outcome], int, list[int]]:
    """What is declared, the triggers that are suppressed at the end, whose hanging ended."""
    state = window.State()
    declared: list[Outcome] = []
    ended: list[int] = []
    for part in parts:
        state, found, over = window.step(rule, state, part)
        declared += [Outcome.of(one) for one in found]
        ended += over.records["mid"].tolist()
    return declared, state.suppressed, ended


def expected(case: Case, records: Events) -> tuple[list[Outcome], int]:
    reference = Reference(case.rule.frame, case.judge, FEW)
    reference.feed(records)
    return reference.declared, reference.suppressed


@pytest.fixture(scope="module", autouse=True)
def limits() -> Iterator[None]:
    """Small enough that random streams reach them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "MAX_RECENT", FEW.recent)
        patch.setattr(window, "MAX_TIMES", FEW.times)
        patch.setattr(window, "MAX_ENDED", FEW.ended)
        patch.setattr(window, "FIRST_SPAN", 2)
        yield


CUTS = st.lists(st.integers(0, 60), max_size=8)


@settings(max_examples=400)
@given(cases(), CLOCKS_MS, STEPS, CUTS)
def test_any_cut_into_batches_declares_what_the_plain_loop_declares(
    case: Case, begin_ms: int, steps: list[tuple[int, int, str, Command]], cuts: list[int]
) -> None:
    records = sorted_records(stream(begin_ms, steps))
    declared, suppressed, _ = run(case.rule, batches(records, cuts))
    assert (declared, suppressed) == expected(case, records)


@settings(max_examples=400)
@given(cases(), CLOCKS_MS, STEPS, CUTS, st.randoms(use_true_random=False))
def test_the_order_within_a_batch_makes_no_difference(
    case: Case,
    begin_ms: int,
    steps: list[tuple[int, int, str, Command]],
    cuts: list[int],
    random: Random,
) -> None:
    records = sorted_records(stream(begin_ms, steps))
    in_order = run(case.rule, batches(records, cuts))
    assert run(case.rule, batches(records, cuts, random)) == in_order
    assert in_order[:2] == expected(case, records)


@given(cases(), CLOCKS_MS, STEPS, CUTS, st.randoms(use_true_random=False))
def test_records_that_come_late_are_never_counted_or_used_twice(
    case: Case,
    begin_ms: int,
    steps: list[tuple[int, int, str, Command]],
    cuts: list[int],
    random: Random,
) -> None:
    """Records of several CPUs come nearly in order; what is lost then is a trigger, not truth."""
    records = stream(begin_ms, steps)
    records["mid"] = np.arange(len(records))
    random.shuffle(order := list(range(len(records))))
    declared, suppressed, _ = run(case.rule, batches(records[order], cuts))
    triggers = [one.trigger_ns for one in declared]
    assert triggers == sorted(set(triggers))
    matching = sum(case.judge(record)[0] for record in records)
    assert sum(one.suppressed + 1 for one in declared) + suppressed <= matching
    assert sum(one.count for one in declared) <= matching
    frame = case.rule.frame
    for one in declared:
        ends = [int(records["end_ns"][mid]) for mid in one.matched]
        assert all(one.trigger_ns - frame.window_ns < end <= one.trigger_ns for end in ends)
        assert one.rule is anomaly.Cause.EMERGENCY or one.count > frame.acceptable_count
