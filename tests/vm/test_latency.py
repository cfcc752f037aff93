"""A network that becomes slow makes a latency bundle with the evidence from before and after."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aod.event import EVENT_DTYPE
from tests.vm.evidence import ALWAYS, Bundle, open_bundle

SCENARIO = "latency"

# What conf/aod.yaml lists for this anomaly, as files.
ACTIONS = {"dmesg", "journalctl", "debugdata", "stats", "mounts", "smbinfo", "syslogs"}


@pytest.fixture(scope="module")
def bundle(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return open_bundle(artefacts / facts["bundle"])


def test_nothing_was_declared_before_the_fault(facts: dict[str, Any]) -> None:
    assert facts["bundles_before"] == []


def test_bundle_has_the_anomalys_name_and_files(bundle: Bundle) -> None:
    anomaly = bundle.json("anomaly.json")
    assert anomaly["anomaly"] == "Latency"
    assert bundle.folder == f"aod_{anomaly['timestamp']}"
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
