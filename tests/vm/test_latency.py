"""A network that becomes slow makes a latency bundle with the evidence from before and after."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aod.event import EVENT_DTYPE
from tests.rig.bundles import ALWAYS, Bundle
from tests.vm.evidence import Declared, bundles, declared
from tests.vm.scenarios import latency

SCENARIO = "latency"

# What conf/aod.yaml lists for this anomaly, as files.
ACTIONS = {
    *("dmesg", "journalctl", "debugdata", "stats", "mounts", "smbinfo", "syslogs"),
    *("cifs", "sockets", "stacks", "system"),
}


# How a round begins: make a file, write, open again, look for the new name, close twice, rename
# (three operations at once), list.
SLOW_ROUND = {
    "SMB2_CREATE": 5,
    "SMB2_CLOSE": 3,
    "SMB2_FLUSH": 1,
    "SMB2_SET_INFO": 1,
    "SMB2_WRITE": 1,
}


@pytest.fixture(scope="module")
def bundle(artefacts: Path) -> Bundle:
    (only,) = bundles(artefacts)
    return only


def test_the_slow_operations_are_declared_and_nothing_else(artefacts: Path) -> None:
    assert declared(artefacts) == [Declared("Latency", "latency", "count", 11, 10, SLOW_ROUND)]


def test_nothing_was_declared_before_the_fault(facts: dict[str, Any]) -> None:
    assert facts["bundles_before"] == []


def test_each_operation_took_its_way_and_back(bundle: Bundle) -> None:
    worst = bundle.json("anomaly.json")["worst"]
    assert min(one["latency_ns"] for one in worst) > 2 * latency.DELAY_MS * 10**6
    assert bundle.breakdown("trees") == {r"\\127.0.0.1\share": 11}


def test_bundle_has_the_anomalys_name_and_files(bundle: Bundle) -> None:
    assert bundle.folder == f"aod_{bundle.json('anomaly.json')['timestamp']}"
    assert set(bundle.files) == ALWAYS | {f"{action}.log" for action in ACTIONS}


def test_bundle_was_taken_on_this_mount(bundle: Bundle, facts: dict[str, Any]) -> None:
    assert b"//127.0.0.1/share" in bundle.files["mounts.log"]
    assert b"\\\\127.0.0.1\\share" in bundle.files["stats.log"]


def test_events_are_sorted_records_from_before_and_after(
    bundle: Bundle, facts: dict[str, Any]
) -> None:
    events = bundle.events()
    assert events.dtype == EVENT_DTYPE
    assert np.all(np.diff(events["end_ns"].astype(np.int64)) >= 0)
    assert events["end_ns"][0] < facts["fault_ns"] < bundle.json("anomaly.json")["trigger_ns"]


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
