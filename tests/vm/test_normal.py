"""A healthy share makes no bundle."""

from typing import Any

from scripts.vm.guest.workload import STEPS

SCENARIO = "normal"


def test_the_workload_was_real_and_healthy(facts: dict[str, Any]) -> None:
    tally = facts["tally"]
    assert tally["rounds"] >= 20
    assert tally == {"rounds": tally["rounds"], **dict.fromkeys(STEPS, tally["rounds"])}
    assert sum(facts["sent"].values()) > 5 * tally["rounds"]


def test_no_bundle_was_made(facts: dict[str, Any]) -> None:
    assert facts["bundles"] == []
    assert facts["bundles_after_stop"] == []


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
