"""No operation stays in flight that is not: with the hooks on the client, and by age alone."""

from typing import Any

import pytest

SCENARIO = "unanswered"

SHARE = r"\\127.0.0.1\share"
# What a look at a file asks: one compound (fs/smb/client/smb2inode.c, smb2_query_path_info).
COMPOUND = ["SMB2_CLOSE", "SMB2_CREATE", "SMB2_QUERY_INFO"]
MISSING_FILES = 50
SIGKILL = 9
HOW = pytest.mark.parametrize("how", ["hooks", "age"])


def _moved(act: dict[str, Any], counter: str) -> dict[str, int]:
    return {name: counters[counter] for name, counters in act["moved"].items() if counters[counter]}


@HOW
@pytest.mark.parametrize("act", ["killed", "lost"])
def test_every_operation_that_was_told_as_hanging_is_told_as_never_answered(
    facts: dict[str, Any], how: str, act: str
) -> None:
    found = facts[how][act]
    assert [command for command, *_ in found["in_flight"]] == COMPOUND
    assert found["ended"] == found["in_flight"]


@HOW
def test_killed_waiters_operations_count_once(facts: dict[str, Any], how: str) -> None:
    found = facts[how]["killed"]
    once = dict.fromkeys(COMPOUND, 1)
    assert found["waiter"] == -SIGKILL
    assert _moved(found, "unanswered") == (once if how == "hooks" else {})
    assert _moved(found, "unanswered_told") == (once if how == "hooks" else {})
    assert _moved(found, "gave_up") == (once if how == "age" else {})


@HOW
def test_lost_servers_operations_count_once(facts: dict[str, Any], how: str) -> None:
    """Beside them, an attempt to reconnect may get no answer from a server that just starts."""
    found = facts[how]["lost"]
    counter = {"hooks": "unanswered", "age": "gave_up"}[how]
    counted = _moved(found, counter)
    assert {name: counted.get(name) for name in COMPOUND} == dict.fromkeys(COMPOUND, 1)


@HOW
def test_rest_of_failed_compounds_is_counted_and_young(facts: dict[str, Any], how: str) -> None:
    found = facts[how]["failed"]
    assert found["missing"] == found["failed_creates"] == MISSING_FILES
    rest = dict.fromkeys(["SMB2_CLOSE", "SMB2_QUERY_INFO"], MISSING_FILES)
    assert _moved(found, "unanswered") == rest
    assert _moved(found, "unanswered_told") == _moved(found, "gave_up") == {}
    assert found["in_flight"] == found["ended"] == []


@HOW
@pytest.mark.parametrize("act", ["killed", "failed", "lost", "after"])
def test_nothing_is_counted_twice_or_lost(facts: dict[str, Any], how: str, act: str) -> None:
    assert facts[how][act]["conserved"]
    assert _moved(facts[how][act], "orphaned") == {}


def test_hooks_are_where_they_should_be(facts: dict[str, Any]) -> None:
    assert facts["hooks"]["pins"] == ["mid_release_by_count", "smb2_mid_entry_alloc"]
    assert facts["age"]["pins"] == []


@HOW
def test_reconnect_is_a_record_with_its_servers_name(facts: dict[str, Any], how: str) -> None:
    reconnects = facts[how]["reconnects"]
    assert len(reconnects) >= 1
    assert {one["server"] for one in reconnects} == {"127.0.0.1"}
    assert {one["latency_ns"] for one in reconnects} == {0}


@HOW
def test_shares_have_names_before_and_after_the_reconnect(facts: dict[str, Any], how: str) -> None:
    assert facts[how]["mounted_before"] == [r"\\127.0.0.1\IPC$", SHARE]
    assert facts[how]["killed"]["trees"] == [SHARE]
    assert facts[how]["after"]["text"] == "known"
    assert facts[how]["after"]["trees"] == [SHARE]


@HOW
def test_kernel_has_all_tracepoints_and_a_stop_leaves_nothing(
    facts: dict[str, Any], how: str
) -> None:
    assert facts[how]["unseen"] == []
    assert (facts[how]["exit_status"], facts[how]["left"]) == (0, [])
