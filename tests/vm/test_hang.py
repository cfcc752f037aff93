"""A server that does not answer makes a bundle while the operation is still in flight."""

from pathlib import Path
from typing import Any

import pytest

from aod.event import IN_FLIGHT
from tests.vm.evidence import Bundle, open_bundle

SCENARIO = "hang"


@pytest.fixture(scope="module")
def bundle(facts: dict[str, Any], artefacts: Path) -> Bundle:
    return open_bundle(artefacts / facts["bundle"])


def test_it_is_declared_and_sealed_while_the_server_hangs(
    facts: dict[str, Any], bundle: Bundle
) -> None:
    trigger_ns = bundle.json("anomaly.json")["trigger_ns"]
    assert facts["paused_ns"] < trigger_ns < facts["declared_ns"] < facts["resumed_ns"]


def test_the_anomaly_is_an_emergency_in_flight(bundle: Bundle) -> None:
    anomaly = bundle.json("anomaly.json")
    assert anomaly["rule"] == "emergency"
    assert anomaly["worst"][0]["state"] == "in flight"
    assert "in flight for" in anomaly["reason"]


def test_the_hanging_operation_is_among_the_events_with_its_age(bundle: Bundle) -> None:
    events = bundle.events()
    hanging = events[(events["flags"] & IN_FLIGHT) != 0]
    assert len(hanging) >= 1
    assert hanging["latency_ns"].min() >= 10**9


def test_it_is_declared_once(facts: dict[str, Any]) -> None:
    assert facts["declarations"] == 1


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
