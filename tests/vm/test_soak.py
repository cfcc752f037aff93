"""Five minutes of normal work on two mounts: nothing is declared, lost, or piles up."""

from pathlib import Path
from typing import Any

import pytest

from aod.smb.commands import Command
from scripts.vm.guest.workload import STEPS
from tests.vm.evidence import declared
from tests.vm.scenarios import soak
from tests.vm.test_conservation import COUNTED, moved

SCENARIO = "soak"


def test_nothing_is_declared(artefacts: Path) -> None:
    assert declared(artefacts) == []


def test_both_mounts_were_worked_on_without_an_error(facts: dict[str, Any]) -> None:
    assert len(facts["tallies"]) == 2
    for tally in facts["tallies"]:
        done = tally["mixed"]
        assert done > soak.RATE * soak.DURATION_S / 2
        assert tally == dict.fromkeys(("mixed", "rounds", "missing", *STEPS), done)


def test_work_was_mixed(facts: dict[str, Any]) -> None:
    sent = {name for name, count in facts["client"].items() if count >= soak.DURATION_S}
    assert sent >= {
        "SMB2_CREATE",
        "SMB2_CLOSE",
        "SMB2_FLUSH",
        "SMB2_WRITE",
        "SMB2_QUERY_DIRECTORY",
        "SMB2_QUERY_INFO",
        "SMB2_SET_INFO",
    }


def test_only_what_the_client_waits_for_is_in_flight(facts: dict[str, Any]) -> None:
    assert facts["pending"] == [Command.SMB2_CHANGE_NOTIFY]
    assert facts["status"]["in_flight"] == 1


@pytest.mark.parametrize("command", COUNTED, ids=lambda command: command.name)
def test_every_operation_is_accounted_for(facts: dict[str, Any], command: Command) -> None:
    in_flight = 1 if command is Command.SMB2_CHANGE_NOTIFY else 0
    answered = moved(facts, command, "finished")
    unanswered = moved(facts, command, "unanswered", "gave_up")
    assert answered + unanswered + in_flight == facts["client"].get(command.name, 0)


@pytest.mark.parametrize("counter", ["dropped_ring_full", "dropped_inflight_full", "orphaned"])
def test_nothing_was_lost(facts: dict[str, Any], counter: str) -> None:
    assert sum(moved(facts, command, counter) for command in Command) == 0


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
