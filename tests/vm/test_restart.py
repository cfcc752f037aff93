"""A server that dies and comes back is a reconnect, and nothing else: nothing hangs any more."""

from pathlib import Path
from typing import Any

import pytest

from aod.smb.commands import Command
from scripts.vm.guest.workload import STEPS
from tests.vm.evidence import Declared, bundles, declared

SCENARIO = "restart"


def test_the_reconnect_is_declared_and_nothing_else(artefacts: Path) -> None:
    assert declared(artefacts) == [
        Declared("Connection", "connection", "count", 1, 0, {"RECONNECT": 1})
    ]


def test_operations_were_in_flight_when_the_server_died(facts: dict[str, Any]) -> None:
    stat = {Command.SMB2_CREATE, Command.SMB2_QUERY_INFO, Command.SMB2_CLOSE}
    assert stat <= set(facts["in_flight"])
    assert facts["tally"]["rounds"] > 0


def test_the_server_is_named(artefacts: Path) -> None:
    (bundle,) = bundles(artefacts)
    assert bundle.breakdown("trees") == {"127.0.0.1": 1}


def test_the_client_agrees(facts: dict[str, Any]) -> None:
    assert facts["traced"]["smb3_reconnect"] >= 1
    assert facts["traced"]["smb3_connect_done"] >= 1


@pytest.mark.parametrize("moment", ["healthy", "after"])
def test_the_share_works_before_and_after(facts: dict[str, Any], moment: str) -> None:
    assert facts[moment] == dict.fromkeys(("rounds", *STEPS), 10)


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
