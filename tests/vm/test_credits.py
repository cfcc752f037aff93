"""Too few credits for one request are declared; that many wait for one another is not seen yet."""

from pathlib import Path
from typing import Any

from scripts.vm.guest.workload import STEPS
from tests.vm.evidence import Declared, declared

SCENARIO = "credits"


def test_too_few_credits_are_declared_and_nothing_else(artefacts: Path) -> None:
    assert declared(artefacts) == [
        Declared("Connection", "connection", "count", 1, 0, {"CREDITS_SHORT": 1})
    ]


def test_the_client_gave_up_at_once(facts: dict[str, Any]) -> None:
    assert "mount error(35): Resource deadlock avoided" in facts["refusal"]
    assert facts["refused"] == {"smb3_insufficient_credits": 1}


def test_who_waits_for_a_turn_gets_it(facts: dict[str, Any]) -> None:
    """The wait is before the client's tracepoint for a request that is sent: no operation is slow,
    though each of these programs found the share slow."""
    assert facts["waiters"] > 1
    assert set(facts["tally"]) == {"rounds", *STEPS}
    assert set(facts["tally"].values()) == {facts["tally"]["rounds"]}
    assert facts["waited"] == {}


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
