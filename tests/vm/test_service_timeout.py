"""What a stop that was cut short leaves is removed, but for what the next start needs."""

from typing import Any

SCENARIO = "service_timeout"


def test_the_stop_was_cut_short(facts: dict[str, Any]) -> None:
    assert facts["end"]["Result"] == "timeout"
    assert facts["sealed_before"] == []


def test_nothing_is_left_in_the_kernel_or_in_memory(facts: dict[str, Any]) -> None:
    assert facts["left"] == []
    assert facts["processes"] == []


def test_the_next_start_finishes_the_bundle(facts: dict[str, Any]) -> None:
    assert len(facts["bundles"]) == 1
