"""Commands of the guest, and the end of processes."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from scripts.vm.guest.proc import session_members
from scripts.vm.guest.wait import wait_until


class LabError(Exception):
    """A step of an experiment failed; the message carries what the command printed."""


def command(*argv: str | Path, timeout_s: float = 30) -> str:
    """Run a command and return what it printed; LabError if it fails or takes too long."""
    try:
        done = subprocess.run(
            [*map(str, argv)], capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{argv[0]} was not done after {timeout_s:g} s") from error
    if done.returncode != 0:
        raise LabError(f"{' '.join(map(str, argv))}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def kill_session(session: int, timeout_s: float = 10) -> None:
    """Kill every process of a session and return when they are gone."""
    for pid in session_members(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: not session_members(session), f"the end of all processes of {session}", timeout_s
    )
