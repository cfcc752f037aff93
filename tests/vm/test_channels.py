"""A further connection of a session (multichannel) is lost: the daemon says to which server."""

from pathlib import Path
from typing import Any

import pytest

from aod.smb.peers import parse_debugdata
from scripts.vm.guest.shares import FIRST, SECOND
from tests.vm.evidence import bundles
from tests.vm.scenarios import channels

SCENARIO = "channels"


@pytest.fixture(params=[("before", FIRST), ("while_it_runs", SECOND)], ids=lambda p: str(p[0]))
def case(request: pytest.FixtureRequest, facts: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What happened to a mount, and the address of its server."""
    when, share = request.param
    return facts[when], share.address


def test_the_mount_has_further_connections(case: tuple[dict[str, Any], str]) -> None:
    found, address = case
    assert list(parse_debugdata(found["debugdata"]).servers.values()).count(address) == (
        channels.CHANNELS
    )


def test_the_client_traced_no_name_for_the_one_that_was_lost(
    case: tuple[dict[str, Any], str],
) -> None:
    found, address = case
    assert found["lost"][-1][1] == ""
    assert found["names"][str(found["lost"][-1][0])] == address


def test_the_anomaly_names_the_server(
    case: tuple[dict[str, Any], str], facts: dict[str, Any], artefacts: Path
) -> None:
    found, address = case
    connection, _ = found["lost"][-1]
    worst = [one for each in bundles(artefacts) for one in each.json("anomaly.json")["worst"]]
    of_it = [one for one in worst if one["state"] == "event" and one["session_id"] == connection]
    assert {one["share"] for one in of_it} == {address}
    assert f"connection to {address} lost" in (artefacts / "daemon.log").read_text()
    assert facts["exit_status"] == 0


def test_no_connection_event_is_without_a_name(artefacts: Path) -> None:
    assert "unknown server" not in (artefacts / "daemon.log").read_text()
