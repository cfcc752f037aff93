"""Of two mounts the one with the fault is blamed, by session and tree."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.vm.guest.workload import STEPS
from tests.vm.evidence import Declared, bundles, declared
from tests.vm.test_latency import SLOW_ROUND

SCENARIO = "two_mounts"


def test_both_faults_are_declared_and_nothing_else(artefacts: Path) -> None:
    assert declared(artefacts) == [
        Declared("Latency", "latency", "count", 11, 10, SLOW_ROUND),
        Declared("Error", "error", "count", 11, 10, {"SMB2_CREATE": 11}),
    ]


def test_the_other_mount_was_worked_on_without_an_error(facts: dict[str, Any]) -> None:
    assert set(facts["healthy"]) == {"rounds", *STEPS}
    assert set(facts["healthy"].values()) == {facts["healthy"]["rounds"]}


@pytest.mark.parametrize("number", range(2), ids=("slow", "denied"))
def test_only_operations_of_the_faulty_mount_are_counted(
    facts: dict[str, Any], artefacts: Path, number: int
) -> None:
    ((session, tree),) = facts["trees"]["//127.0.0.2/second"]
    bundle = bundles(artefacts)[number]
    assert bundle.breakdown("trees") == {r"\\127.0.0.2\second": 11}
    worst = bundle.json("anomaly.json")["worst"]
    assert {(one["session_id"], one["tree_id"]) for one in worst} == {(session, tree)}


@pytest.mark.parametrize("number", range(2), ids=("slow", "denied"))
def test_the_events_hold_both_mounts(facts: dict[str, Any], artefacts: Path, number: int) -> None:
    ((_, healthy_tree),) = facts["trees"]["//127.0.0.1/share"]
    events = bundles(artefacts)[number].events()
    assert np.count_nonzero(events["tree_id"] == healthy_tree) > 10


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
