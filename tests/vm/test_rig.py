"""The laboratory in the guest does what its parts' names promise."""

import time
from pathlib import Path
from typing import Any

from tests.vm.scenarios import rig

SCENARIO = "rig"

Facts = dict[str, Any]


def sent(facts: Facts, when: str, command: str) -> tuple[int, int]:
    """How often the client sent a command while it worked, and how often that failed."""
    count = facts[when]["sent"].get(command, {"total": 0, "failed": 0})
    return count["total"], count["failed"]


def test_guest_is_a_machine_of_its_own(facts: Facts) -> None:
    assert facts["release"].endswith("-amd64")
    assert facts["hostname"] == "aod-vm"
    assert abs(facts["clock"] - time.time()) < 3600
    assert facts["repository_is_visible"]


def test_guest_computes_correctly(facts: Facts) -> None:
    assert facts["numpy_sorts"]


def test_cifs_module_loads_and_unloads(facts: Facts) -> None:
    assert facts["module_loaded"]
    assert facts["module_unloaded"]


def test_kernel_log_of_the_scenario_is_kept(facts: Facts, artefacts: Path) -> None:
    log = (artefacts / "dmesg.txt").read_text()
    assert "CIFS: Attempting to mount" in log
    assert "Linux version" not in log, "the boot's own messages belong to no scenario"


def test_every_step_succeeds_on_a_healthy_share(facts: Facts) -> None:
    assert set(facts["healthy"]["tally"].values()) == {rig.ROUNDS}


def test_statistics_count_what_the_workload_did(facts: Facts) -> None:
    for command in ("SMB2_WRITE", "SMB2_FLUSH", "SMB2_SET_INFO"):
        assert sent(facts, "healthy", command) == (rig.ROUNDS, 0)
    creates, failed = sent(facts, "healthy", "SMB2_CREATE")
    assert creates >= rig.ROUNDS
    assert failed == 0


def test_the_same_work_sends_the_same_requests(facts: Facts) -> None:
    assert facts["healthy"]["sent"] == facts["slow"]["sent"] == facts["healed"]["sent"]


def test_slow_network_delays_each_request_both_ways(facts: Facts) -> None:
    # Compounds are one round trip for three commands; a third of the commands is the least.
    requests = sum(count["total"] for count in facts["slow"]["sent"].values())
    assert facts["slow"]["s"] > requests / 3 * 2 * rig.DELAY_MS / 1000
    assert facts["healthy"]["s"] < facts["slow"]["s"] / 2


def test_denied_creates_are_refused_by_the_server(facts: Facts) -> None:
    assert facts["denied"]["tally"] == {"rounds": rig.ROUNDS, "EACCES": rig.ROUNDS}
    total, failed = sent(facts, "denied", "SMB2_CREATE")
    assert total == failed >= rig.ROUNDS


def test_full_share_fails_writes(facts: Facts) -> None:
    assert facts["full"]["tally"] == {
        "rounds": rig.ROUNDS,
        "create": rig.ROUNDS,
        "ENOSPC": rig.ROUNDS,
    }
    assert sent(facts, "full", "SMB2_WRITE") == (rig.ROUNDS, rig.ROUNDS)


def test_paused_server_answers_after_the_pause(facts: Facts) -> None:
    assert rig.PAUSE_S < facts["paused_s"] < 10 * rig.PAUSE_S


def test_server_can_be_replaced_under_a_mount(facts: Facts) -> None:
    assert facts["servers_while_gone"] == 0
    assert set(facts["healed"]["tally"].values()) == {rig.ROUNDS}


def test_each_share_has_a_session_of_its_own(facts: Facts) -> None:
    trees = facts["two"]["trees"]
    first, second = trees["//127.0.0.1/share"], trees["//127.0.0.2/second"]
    assert (len(first), len(second)) == (2, 1)
    assert len({session for session, _ in [*first, *second]}) == 3


def test_slow_network_of_one_share_leaves_the_others_alone(facts: Facts) -> None:
    first, second, again = facts["two"]["slow_s"]
    assert second > 5 * 2 * rig.DELAY_MS / 1000, "a round is more than five round trips"
    assert max(first, again, *facts["two"]["healthy_s"]) < second / 2


def test_server_can_be_configured_for_a_while(facts: Facts) -> None:
    assert f"rsize={rig.MAX_READ}," in facts["configured"]
