"""Records that come nearly in order of time are put in order, and none is lost or made up."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.event import EVENT_DTYPE, Events
from aod.recording.format import RecordingError
from aod.recording.sources import SLACK_NS, in_order_of_time, is_in_order
from tests.unit.detectors.window_reference import sorted_records

MS = 1_000_000


def made(times: list[int]) -> Events:
    events = np.zeros(len(times), EVENT_DTYPE)
    events["end_ns"] = times
    events["mid"] = np.arange(len(times))
    return events


def cut(events: Events, sizes: list[int]) -> list[Events]:
    edges = np.minimum(np.cumsum([0, *sizes]), len(events))
    return [*(events[a:b] for a, b in pairwise(edges)), events[edges[-1] :]]


def joined(batches: list[Events]) -> Events:
    return np.concatenate([made([]), *in_order_of_time(batches)])


SIZES = st.lists(st.integers(0, 9), max_size=9)


@given(st.lists(st.tuples(st.integers(0, 60 * MS), st.integers(0, SLACK_NS))), SIZES)
def test_records_that_come_a_little_late_are_in_the_one_order(
    steps: list[tuple[int, int]], sizes: list[int]
) -> None:
    clock = np.cumsum([step for step, _ in steps], dtype=np.int64)
    late = np.array([late for _, late in steps], np.int64)
    events = made((10 * SLACK_NS + clock - late).tolist())
    # None comes later than the slack behind any that came before it.
    assert joined(cut(events, sizes)).tobytes() == sorted_records(events).tobytes()


@given(st.lists(st.integers(0, 100 * SLACK_NS)), SIZES)
def test_no_record_is_lost_however_late_it_comes(times: list[int], sizes: list[int]) -> None:
    events = made(times)
    assert sorted(joined(cut(events, sizes))["mid"].tolist()) == list(range(len(times)))


def test_no_more_is_held_back_than_the_slack() -> None:
    steps = in_order_of_time(made([number * SLACK_NS]) for number in range(1, 100))
    assert [len(next(steps)) for _ in range(50)] == [1] * 50


def test_what_comes_before_an_error_is_given() -> None:
    def failing() -> Iterator[Events]:
        yield made([3, 1])
        yield made([2])
        raise RecordingError("damaged")

    found: list[Events] = []
    with pytest.raises(RecordingError, match="damaged"):
        found.extend(in_order_of_time(failing()))
    assert np.concatenate(found)["end_ns"].tolist() == [1, 2, 3]


@given(st.lists(st.integers(0, 9)), SIZES)
def test_order_is_recognised_across_batches(times: list[int], sizes: list[int]) -> None:
    assert is_in_order(cut(made(times), sizes)) == (times == sorted(times))
