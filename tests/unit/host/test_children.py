"""Children of a dead owner are ended, wherever they went; those of a living one are let be."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aod.host import children

SLEEP = ["sleep", "infinity"]


def child_of(owner: str, *argv: str) -> subprocess.Popen[bytes]:
    with children.marked(owner) as stdin:
        return subprocess.Popen(argv or SLEEP, stdin=stdin, start_new_session=True)


def owner_of_another() -> str:
    """What a process says that has ended since."""
    code = "from aod.host import children; print(children.owner())"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_only_those_of_a_dead_owner_are_ended() -> None:
    ours, other = child_of(children.owner()), child_of(owner_of_another())
    try:
        assert other.pid in children.end_leftovers()
        assert other.wait(10) == -9
        assert ours.poll() is None
    finally:
        ours.kill()
        ours.wait()


def test_a_child_of_a_leftover_is_ended_too() -> None:
    """A shell gives what it starts in the background another standard input."""
    here, there = os.pipe()
    with children.marked(owner_of_another()) as stdin:
        code = ("sh", "-c", "sleep infinity & wait")
        other = subprocess.Popen(code, stdin=stdin, stdout=there, start_new_session=True)
    os.close(there)
    assert other.pid in children.end_leftovers()
    assert other.wait(10) == -9
    assert os.read(here, 1) == b""  # nobody holds the pipe open
    os.close(here)


def test_what_a_stranger_marks_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    other = child_of(owner_of_another())
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    try:
        assert other.pid not in children.end_leftovers()
    finally:
        other.kill()
        other.wait()


def test_no_task_s_memory_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that hangs may hold the lock of its address space for ever."""
    asked: set[str] = set()
    opened = Path.open

    def noted(path: Path, *args: Any, **how: Any) -> Any:
        asked.add(path.name)
        return opened(path, *args, **how)

    monkeypatch.setattr(Path, "open", noted)
    other = child_of(owner_of_another())
    assert other.pid in children.end_leftovers()
    other.wait()
    assert asked == {"stat"}


def test_a_pid_that_is_anothers_now_is_no_owner() -> None:
    pid, _, start_time = children.owner().partition(".")
    other = child_of(f"{pid}.{int(start_time) - 1}")
    assert other.pid in children.end_leftovers()
    assert other.wait(10) == -9
