"""Nothing is lost between the client and the event log: both accounts agree, command by command."""

from typing import Any

import pytest

from aod.smb.commands import Command

SCENARIO = "conservation"

# What /proc/fs/cifs/Stats does not count, or counts elsewhere (fs/smb/client/smb2ops.c,
# smb2_print_stats: per share): the commands that belong to a connection or a session. None of them
# occurs in the workload but the keep-alive.
NOT_COUNTED_BY_THE_CLIENT = {
    Command.SMB2_NEGOTIATE: "before there is a share",
    Command.SMB2_SESSION_SETUP: "before there is a share",
    Command.SMB2_LOGOFF: "after the last share",
    Command.SMB2_CANCEL: "sent without an entry in the client's queue: no tracepoint sees it",
    Command.SMB2_ECHO: "per connection",
}
COUNTED = [command for command in Command if command not in NOT_COUNTED_BY_THE_CLIENT]


def moved(facts: dict[str, Any], command: Command, *fields: str) -> int:
    """How far the daemon's counters of a command moved, these together."""

    def at(moment: str) -> int:
        counters = facts[moment]["commands"].get(command.name, {})
        return sum(int(counters.get(field, 0)) for field in fields)

    return at("after") - at("before")


def test_workload_is_several_thousand_operations(facts: dict[str, Any]) -> None:
    assert sum(facts["client"].values()) > 3000
    assert len([count for count in facts["client"].values() if count >= 50]) >= 7


@pytest.mark.parametrize("command", COUNTED, ids=lambda command: command.name)
def test_every_operation_that_the_client_counts_is_accounted_for(
    facts: dict[str, Any], command: Command
) -> None:
    recorded = facts["records"][command]
    unanswered = moved(facts, command, "unanswered", "gave_up")
    dropped = moved(facts, command, "dropped_ring_full", "dropped_inflight_full")
    assert recorded + unanswered + dropped == facts["client"].get(command.name, 0)


@pytest.mark.parametrize("command", Command, ids=lambda command: command.name)
def test_every_finished_operation_is_a_record(facts: dict[str, Any], command: Command) -> None:
    assert moved(facts, command, "finished") == facts["records"][command]


def test_failed_lookups_leave_nothing_in_flight(facts: dict[str, Any]) -> None:
    assert facts["after"]["in_flight"] == 0
    assert facts["told_in_flight"] == 0
    assert moved(facts, Command.SMB2_CLOSE, "unanswered") >= 300


def test_daemon_stops_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
