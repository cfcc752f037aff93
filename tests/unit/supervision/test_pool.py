"""How the time of a stop is divided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.supervision.pool import LEAST_SHARES, budget_sec
from aod.transport.wire import STAGES


@pytest.mark.parametrize(
    ("stage", "left_sec", "seconds"),
    [
        ("collect", 10.0, 3.5),
        ("detect", 10.0, 4.5),
        ("capture", 10.0, 9.5),
        ("cleanup", 10.0, 10.0),
        ("capture", 5.5, 5.0),
        ("capture", 0.0, 0.5),
    ],
)
def test_a_stage_may_use_what_those_behind_it_do_not_need(
    stage: str, left_sec: float, seconds: float
) -> None:
    behind = STAGES[STAGES.index(stage) + 1 :]
    assert budget_sec(10.0, left_sec, behind) == pytest.approx(seconds)


@given(st.floats(0.1, 1000), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_each_gets_its_least_whatever_the_others_use(
    total_sec: float, used_shares: list[float]
) -> None:
    left_sec = total_sec
    for at, stage in enumerate(STAGES):
        budget = budget_sec(total_sec, left_sec, STAGES[at + 1 :])
        assert budget >= LEAST_SHARES.get(stage, 0) * total_sec - 1e-9
        left_sec -= budget * used_shares[at]
    assert left_sec >= -1e-9
