"""Sorted times in parts, against plain lists."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from aod.detectors.times import Times

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("plus"), st.lists(st.integers(0, 5), min_size=0, max_size=9)),
        st.tuples(st.just("split"), st.integers(-1, 60)),
        st.tuples(st.just("without_first"), st.integers(-2, 30)),
    ),
    max_size=25,
)


def array(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def listed(times: Times) -> list[int]:
    return [int(time) for part in times.parts for time in part]


def check(times: Times, plain: list[int]) -> None:
    assert listed(times) == plain
    assert len(times) == len(plain)
    assert all(len(part) for part in times.parts)
    limits = sorted({-1, 0, 7, *plain, *(time + 1 for time in plain[:3])})
    expected = [sum(time <= limit for time in plain) for limit in limits]
    assert times.count_until(array(limits)).tolist() == expected
    assert [int(times.count_until(array([limit]))[0]) for limit in limits] == expected


@given(STEPS)
def test_they_are_the_times_that_a_list_would_have(
    steps: list[tuple[str, int | list[int]]],
) -> None:
    times, plain = Times(), list[int]()
    seen: list[tuple[Times, list[int]]] = []
    for what, argument in steps:
        if isinstance(argument, list):
            later = [sum(argument[: i + 1]) + (plain or [0])[-1] for i in range(len(argument))]
            times, plain = times.plus(array(later)), plain + later
        elif what == "split":
            times, later_array = times.split(argument)
            assert later_array.tolist() == [time for time in plain if time >= argument]
            plain = [time for time in plain if time < argument]
        else:
            times, plain = times.without_first(argument), plain[max(0, argument) :]
        check(times, plain)
        seen.append((times, plain))
    for old, old_plain in seen:
        assert listed(old) == old_plain  # nothing was changed in place


def test_a_time_is_copied_at_most_as_often_as_there_are_parts() -> None:
    count, copied, times = 4096, 0, Times()
    for number in range(count):
        before = {id(part) for part in times.parts}
        times = times.plus(array([number]))
        copied += sum(len(part) for part in times.parts if id(part) not in before)
    assert len(times.parts) <= count.bit_length()
    assert copied <= count * count.bit_length()
