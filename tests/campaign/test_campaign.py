"""Fifty kills; five hundred are `make campaign`."""

import random
from pathlib import Path

import pytest

from tests.campaign.campaign import QUIET_SEC, Campaign, Plan
from tests.campaign.table import render


@pytest.fixture
def seed() -> int:
    """A new one each time; `python -m tests.campaign --seed` repeats it."""
    return random.randrange(1 << 32)


@pytest.mark.timeout(QUIET_SEC + 300)  # 40 s on a machine that is not busy
def test_fifty_kills_lose_nothing_and_leave_nothing(
    tmp_path: Path, pin_dir: Path, seed: int
) -> None:
    plan = Plan(seed=seed, kills=45, supervisor_kills=5)
    print("seed", seed)
    result = Campaign(plan, tmp_path, pin_dir, print).run()
    print(render(plan, result))
    assert sum(result.kills.values()) == 50
