"""Children of a dead owner are ended, wherever they went; those of a living one are let be."""

import os
import subprocess
import sys

from aod.actions import orphans

SLEEP = ["sleep", "infinity"]


def child_of(owner: str) -> subprocess.Popen[bytes]:
    environment = {"PATH": os.environ["PATH"], orphans.VARIABLE: owner}
    return subprocess.Popen(SLEEP, env=environment, start_new_session=True)


def owner_of_another() -> str:
    """What a process says that has ended since."""
    code = "from aod.actions import orphans; print(orphans.owner())"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_only_those_of_a_dead_owner_are_ended() -> None:
    ours, other = child_of(orphans.owner()), child_of(owner_of_another())
    try:
        assert other.pid in orphans.end()
        assert other.wait(10) == -9
        assert ours.poll() is None
    finally:
        ours.kill()
        ours.wait()


def test_a_pid_that_is_anothers_now_is_no_owner() -> None:
    pid, _, start_time = orphans.owner().partition(".")
    other = child_of(f"{pid}.{int(start_time) - 1}")
    assert other.pid in orphans.end()
    assert other.wait(10) == -9
