"""A killed worker is back at once, and nothing is left when the daemon is stopped."""

from typing import Any

import pytest

from tests.vm.scenarios.kill_workers import STAGES

SCENARIO = "kill_workers"


@pytest.mark.parametrize("stage", STAGES)
def test_worker_is_back_within_two_seconds(facts: dict[str, Any], stage: str) -> None:
    assert facts["stages"][stage]["away_s"] < 2


@pytest.mark.parametrize("stage", STAGES)
def test_later_anomaly_makes_a_bundle(facts: dict[str, Any], stage: str) -> None:
    assert facts["stages"][stage]["bundle"]


def test_stop_leaves_nothing_behind(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
    assert facts["stop_s"] < 5
    assert facts["left"] == []
