"""A server that refuses new files makes an error bundle."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aod.event import EVENT_DTYPE
from tests.rig.bundles import ALWAYS, Bundle
from tests.vm.evidence import Declared, bundles, declared

SCENARIO = "errors"

ACTIONS = {"dmesg", "journalctl"}
STATUS_ACCESS_DENIED = 0xC0000022


@pytest.fixture(scope="module")
def bundle(artefacts: Path) -> Bundle:
    (only,) = bundles(artefacts)
    return only


def test_every_attempt_was_refused(facts: dict[str, Any]) -> None:
    assert facts["denied"] == {
        "rounds": facts["denied"]["rounds"],
        "EACCES": facts["denied"]["rounds"],
    }
    assert facts["bundles_before"] == []


def test_the_refusals_are_declared_and_nothing_else(artefacts: Path) -> None:
    assert declared(artefacts) == [Declared("Error", "error", "count", 11, 10, {"SMB2_CREATE": 11})]


def test_bundle_has_the_anomalys_name_and_files(bundle: Bundle) -> None:
    assert bundle.folder == f"aod_{bundle.json('anomaly.json')['timestamp']}"
    assert set(bundle.files) == ALWAYS | {f"{action}.log" for action in ACTIONS}


def test_events_hold_the_refusals_and_what_was_before(
    bundle: Bundle, facts: dict[str, Any]
) -> None:
    events = bundle.events()
    assert events.dtype == EVENT_DTYPE
    assert np.all(np.diff(events["end_ns"].astype(np.int64)) >= 0)
    refused = events[events["status"] == STATUS_ACCESS_DENIED]
    assert len(refused) > 10
    assert np.all(refused["error"] == -13)
    assert events["end_ns"][0] < facts["fault_ns"] < refused["end_ns"][0]


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
