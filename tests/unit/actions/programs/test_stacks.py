"""Who waits in the kernel, and where: from a made-up /proc, and for a real task."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aod.actions.programs import stacks
from tests.unit.actions.fake_proc import add_task

PROGRAM = (sys.executable, "-I", "-S", stacks.__file__)

WAIT_FOR_EVER = """
import ctypes, time
ctypes.PyDLL(None).vfork()  # the parent waits for its child in D state
print("waits", flush=True)
time.sleep(600)
"""


def test_tasks_in_d_state_and_the_clients_own_threads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_task(tmp_path, 7, b"cp (x) S\n1", "D")
    add_task(tmp_path, 7, b"worker", "S", tid=8)
    add_task(tmp_path, 7, b"worker", "D", tid=9)
    add_task(tmp_path, 11, b"cifsd", "S")
    add_task(tmp_path, 12, b"bash", "R")
    (tmp_path / "uptime").touch()
    stacks.main(str(tmp_path))
    head, *each = capsys.readouterr().out.split("\n\n")
    assert head.splitlines()[0] == "3 tasks"
    assert [line.split() for line in head.splitlines()[2:]] == [
        ["7", "7", "D", "wait_for_response", "cp", "(x)", "S?1"],
        ["7", "9", "D", "wait_for_response", "worker"],
        ["11", "11", "S", "wait_for_response", "cifsd"],
    ]
    assert [text.rpartition(" ")[2].strip() for text in each] == ["7", "9", "11"]


def test_a_task_that_ended_meanwhile_costs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (add_task(tmp_path, 5, b"gone", "D") / "stack").unlink()
    (add_task(tmp_path, 6, b"gone before", "D") / "stat").unlink()
    (tmp_path / "8").mkdir()
    add_task(tmp_path, 9, b"there", "D")
    stacks.main(str(tmp_path))
    told = capsys.readouterr().out
    assert told.startswith("2 tasks\n")
    assert "gone\n(it ended, or its stack is not for us)\n" in told
    assert told.endswith("of 9\n")


def test_it_ends_somewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for pid in range(1, stacks.MAX_STACKS + 8):
        add_task(tmp_path, pid, b"cp", "D")
    stacks.main(str(tmp_path))
    told = capsys.readouterr().out
    assert told.count("[<0>]") == stacks.MAX_STACKS
    assert told.endswith("\nthe stacks of 7 more are left out\n")


def test_a_real_task_in_d_state_is_found() -> None:
    waiting = subprocess.Popen(
        (sys.executable, "-c", WAIT_FOR_EVER), stdout=subprocess.PIPE, start_new_session=True
    )
    with waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == b"waits\n"
        told = subprocess.run(PROGRAM, capture_output=True, text=True, check=True)
        os.killpg(waiting.pid, signal.SIGKILL)
    assert told.stderr == ""
    [line] = [line for line in told.stdout.splitlines() if f" {waiting.pid} D " in line][:1]
    assert line.split()[:3] == [str(waiting.pid), str(waiting.pid), "D"]
