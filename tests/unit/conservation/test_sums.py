"""The sums hold whatever happens between two readings; what is lost without a count is found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aod.conservation.sums import Commit, Kernel, Reading, find_violations
from aod.conservation.violation import SUMS, sentence
from aod.event import COMMANDS
from aod.transport.position import Evaluated
from tests.unit.conservation.daemon_model import (
    CAPACITY,
    RECORD,
    STATS,
    World,
    at_work,
    found,
    quiet,
)


@settings(max_examples=150)
@given(st.integers(0, 1 << 32))
def test_no_sum_is_ever_wrong_for_the_order_of_the_steps(seed: int) -> None:
    world, chance = at_work(seed)
    assert found(world) == []
    quiet(world, chance)
    assert found(world) == []


def lose(world: World, name: str) -> None:
    """Lose one of something, without a count."""
    commit, said = world.commit, world.said
    match name:
        case "record":
            world.per_cpu["finished"][0, 5] += 1
            world.per_cpu["started"][0, 5] += 1
        case "operation":
            world.per_cpu["started"][1, 9] += 1
        case "answer":
            world.per_cpu["untimed"][1, 9] += 1
        case "entry of the ring":
            world.produced += RECORD
        case "record of our own":
            world.commit = commit._replace(appended=commit.appended + 1)
        case "position":
            world.said = said._replace(position=commit.log_position + 10**15)
        case "anomaly":
            world.said = said._replace(declared=10**6)
        case _:
            world.known[10**6] = False


LOSSES = {
    "record": "records",
    "operation": "operations",
    "answer": "operations",
    "entry of the ring": "ring",
    "record of our own": "log",
    "position": "evaluated",
    "anomaly": "anomalies",
    "outcome": "outcomes",
}
"""By what is lost: the sum that tells it."""


@pytest.mark.parametrize("lost", LOSSES)
@settings(max_examples=25)
@given(seed=st.integers(0, 1 << 32))
def test_one_that_is_lost_is_found_when_it_is_quiet(lost: str, seed: int) -> None:
    world, chance = at_work(seed)
    lose(world, lost)
    quiet(world, chance)
    told = found(world)
    assert {one.sum for one in told} == {LOSSES[lost]}
    assert all(sentence(one) for one in told)


def kernel(started: int, finished: int, **changes: int) -> Kernel:
    """Of one command, exact."""
    stats = np.zeros(COMMANDS, STATS)
    stats["started"][5], stats["finished"][5] = started, finished
    stats["filtered"][5] = finished
    none = np.zeros(COMMANDS, np.uint64)
    made = Kernel(1, 10, 5, 100, 0, 0, stats, none, none.copy(), none.copy())
    return made._replace(**changes)  # type: ignore[arg-type]


def look(kernel_then: Kernel) -> Reading:
    return Reading(11, Evaluated(), 1, Commit(), CAPACITY, Evaluated(), kernel_then, None)


def test_under_load_what_is_lost_is_found_when_it_is_more_than_may_be_in_flight() -> None:
    """The bound that aod(1) names."""
    before = look(kernel(1000, 900))
    after = look(kernel(2000, 900, stats_ns=20, scanned_ns=0))
    assert find_violations(before, after) == []
    before = look(kernel(1001, 900))
    assert [one.sum for one in find_violations(before, after)] == ["operations"]


def test_more_ends_than_starts_are_found_at_once() -> None:
    before = look(kernel(10, 11))
    after = look(kernel(10, 11, stats_ns=20, scanned_ns=0))
    assert [one.sum for one in find_violations(before, after)] == ["operations"]


def test_counters_that_began_anew_are_not_compared() -> None:
    before = look(kernel(1000, 900))
    after = look(kernel(1, 0, ring_id=2, stats_ns=20))
    assert find_violations(before, after) == []


def test_what_a_killed_writer_left_uncertain_is_no_violation() -> None:
    uncertain = np.zeros(COMMANDS, np.uint64)
    before = look(kernel(10, 9)._replace(uncertain=uncertain))
    after = kernel(10, 9, stats_ns=20, scanned_ns=15)._replace(uncertain=uncertain)
    assert [one.by for one in find_violations(before, look(after))] == [1]
    uncertain[5] = 1
    assert find_violations(before, look(after)) == []


@given(st.lists(st.integers(0, 2**64 - 1), min_size=10, max_size=10))
def test_absurd_numbers_are_told_and_end_nothing(numbers: list[int]) -> None:
    absurd = look(kernel(1, 1))._replace(
        before=Evaluated(*numbers[:4]), commit=Commit(*numbers[4:10]), after=Evaluated(*numbers[:4])
    )
    assert {one.sum for one in find_violations(None, absurd)} <= set(SUMS)
