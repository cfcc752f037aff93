"""A server that stops for three seconds is declared while the operation hangs, once."""

from pathlib import Path
from typing import Any

import pytest

from aod.event import IN_FLIGHT, MATCHED, OWN, without_own
from scripts.vm.guest.workload import STEPS
from tests.rig.bundles import Bundle
from tests.vm.evidence import Declared, bundles, declared
from tests.vm.scenarios import hang

SCENARIO = "hang"

# stat() is one request with three commands.
STAT = {"SMB2_CREATE": 1, "SMB2_QUERY_INFO": 1, "SMB2_CLOSE": 1}
DECLARED_WITHIN_NS = 1_300_000_000
# An age is looked at ten times a second while something is in flight.
TOLD_BEFORE_NS = 1_250_000_000


@pytest.fixture(scope="module")
def bundle(artefacts: Path) -> Bundle:
    (only,) = bundles(artefacts)
    return only


@pytest.fixture(scope="module")
def start_ns(bundle: Bundle) -> int:
    """When the hanging request was sent, by its own record."""
    worst = bundle.json("anomaly.json")["worst"]
    return min(int(one["end_ns"] - one["latency_ns"]) for one in worst)


def test_the_hanging_operations_are_declared_once_and_nothing_else(artefacts: Path) -> None:
    assert declared(artefacts) == [Declared("Latency", "latency", "emergency", 3, 10, STAT)]


def test_server_was_stopped_for_three_seconds(facts: dict[str, Any], start_ns: int) -> None:
    assert facts["resumed_ns"] - facts["paused_ns"] >= hang.PAUSE_S * 10**9
    assert facts["paused_ns"] < start_ns < facts["resumed_ns"]


def test_it_is_declared_within_1300_ms_of_the_start(
    facts: dict[str, Any], bundle: Bundle, start_ns: int
) -> None:
    trigger_ns = bundle.json("anomaly.json")["trigger_ns"]
    assert 10**9 <= trigger_ns - start_ns < TOLD_BEFORE_NS
    assert trigger_ns < facts["declared_ns"] < start_ns + DECLARED_WITHIN_NS
    assert facts["declared_ns"] < facts["resumed_ns"]


def test_the_reason_says_that_it_is_in_flight(bundle: Bundle) -> None:
    anomaly = bundle.json("anomaly.json")
    assert {operation["state"] for operation in anomaly["worst"]} == {"in flight"}
    assert "in flight for" in anomaly["reason"]


def test_the_evidence_was_taken_while_it_hung(bundle: Bundle) -> None:
    pending = bundle.files["debugdata.log"].decode()
    worst = bundle.json("anomaly.json")["worst"]
    assert worst
    for operation in worst:
        assert f"mid {operation['mid']}\n" in pending


def test_each_is_told_once_with_its_age(bundle: Bundle) -> None:
    events = without_own(bundle.events())
    hanging = events[(events["flags"] & IN_FLIGHT) != 0]
    assert len(hanging) == len(STAT)
    assert hanging["latency_ns"].min() >= 10**9


def test_what_smbinfo_asked_the_hanging_server_is_marked_and_counts_for_nothing(
    bundle: Bundle,
) -> None:
    events = bundle.events()
    asked = events[(events["flags"] & OWN) != 0]
    assert {*asked["comm"].tolist()} == {b"python3"}
    assert not (asked["flags"] & MATCHED).any()
    assert asked["latency_ns"].max() > 10**8


def test_the_share_works_afterwards(facts: dict[str, Any]) -> None:
    assert set(facts["after"].values()) == {facts["after"]["rounds"]}
    assert set(facts["after"]) == {"rounds", *STEPS}


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
