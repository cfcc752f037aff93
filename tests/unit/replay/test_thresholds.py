"""What is suggested is the lowest of the series that is silent, alone and together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aod.detectors import window
from aod.event import Events
from aod.replay.thresholds import (
    SERIES_MS,
    candidates_ms,
    silent_alone_ms,
    silent_together_ms,
    tail,
)
from aod.smb.commands import Command
from tests.unit.replay.replaying import MS, counting, mixed, operations

READ, WRITE, CREATE = Command.SMB2_READ, Command.SMB2_WRITE, Command.SMB2_CREATE


def is_silent(thresholds_ms: dict[Command, float], events: Events) -> bool:
    rule = counting().rule(thresholds_ms)
    _, declared, _ = window.step(rule, window.State(), events)
    return not declared


def test_series_is_one_two_five() -> None:
    assert SERIES_MS[:7] == (1, 2, 5, 10, 20, 50, 100)
    assert SERIES_MS[-1] == 50_000_000


def test_candidates_lie_above_the_percentile_and_below_what_is_given_up() -> None:
    assert candidates_ms(0, 10) == [1, 2, 5]
    assert candidates_ms(5 * MS - 1, 200) == [5, 10, 20, 50, 100]
    assert candidates_ms(5 * MS, 100) == [10, 20, 50]
    assert candidates_ms(500 * MS, 200) == []


def test_tail_is_what_may_match_a_threshold_that_is_suggested() -> None:
    batches = [
        operations(READ, [9, 10, 10.5, 30]),
        operations(CREATE, [5000]),
        operations(WRITE, [10, 20, 21], at_sec=11),
    ]
    slow = tail(batches, {READ: 10 * MS, WRITE: 20 * MS})
    assert (slow["latency_ns"] / MS).tolist() == [10.5, 30, 21]
    assert len(tail(batches, {})) == len(tail([], {READ: 0})) == 0


def test_lowest_threshold_that_is_silent_alone() -> None:
    burst = operations(READ, [30, 15, 30, 15, 15])  # more than two above 10, two above 20
    assert silent_alone_ms(counting(), READ, [5, 10, 20, 50], burst) == 20
    assert silent_alone_ms(counting(), READ, [5, 10], burst) is None
    assert silent_alone_ms(counting(), WRITE, [5, 10], burst) == 5
    assert silent_alone_ms(counting(), READ, [], burst) is None


def test_of_thresholds_that_are_not_silent_together_the_loudest_is_raised() -> None:
    both = mixed(operations(READ, [30, 30]), operations(WRITE, [30], at_sec=10.0005))
    assert silent_together_ms(counting(), {READ: 20, WRITE: 20}, both, 1000) == {
        READ: 50,
        WRITE: 20,
    }


def test_thresholds_that_are_silent_together_stay() -> None:
    apart = mixed(operations(READ, [30, 30]), operations(WRITE, [30, 30], at_sec=20))
    alone = {READ: 20.0, WRITE: 20.0}
    assert silent_together_ms(counting(), alone, apart, 1000) == alone


def test_command_that_cannot_be_raised_further_is_left_out() -> None:
    both = mixed(operations(READ, [30, 30]), operations(WRITE, [30], at_sec=10.0005))
    assert silent_together_ms(counting(), {READ: 20, WRITE: 20}, both, 50) == {WRITE: 20}


LATENCIES = st.lists(st.sampled_from([1.0, 8.0, 30.0, 70.0, 300.0, 2000.0]), max_size=30)


@given(LATENCIES, LATENCIES, st.sampled_from([1, 300]))
def test_what_is_chosen_is_silent_and_no_lower_one_is_alone(
    reads_ms: list[float], writes_ms: list[float], apart_ms: int
) -> None:
    events = mixed(
        operations(READ, reads_ms, apart_ms=apart_ms),
        operations(WRITE, writes_ms, apart_ms=apart_ms),
    )
    alone = {}
    for command in (READ, WRITE):
        own = events[events["command"] == command]
        chosen = silent_alone_ms(counting(), command, list(SERIES_MS), events)
        assert chosen is not None
        assert [is_silent({command: ms}, own) for ms in SERIES_MS] == [
            ms >= chosen for ms in SERIES_MS
        ]
        alone[command] = chosen
    together = silent_together_ms(counting(), alone, events, 1e9)
    assert is_silent(together, events)
    assert all(together[command] >= alone[command] for command in alone)


def test_order_of_the_tail_is_that_of_time() -> None:
    slow = tail((operations(READ, [5, 5], at_sec=at_sec) for at_sec in (1, 2, 3)), {READ: 0})
    assert len(slow) == 6
    assert (np.diff(slow["end_ns"].astype(np.int64)) > 0).all()
