"""A daemon that is there before the cifs module waits for it, and lets go of it at the end."""

from typing import Any

SCENARIO = "no_module"


def test_daemon_waits_and_says_so_once(facts: dict[str, Any]) -> None:
    assert not facts["loaded_while_waiting"]
    assert facts["said_waiting"] == 1


def test_first_mount_is_watched(facts: dict[str, Any]) -> None:
    assert facts["bundle"]


def test_module_is_free_after_the_stop(facts: dict[str, Any]) -> None:
    # The scenario unloads it; it would have failed otherwise.
    assert facts["exit_status"] == 0
