"""Commands and processes of the guest."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from scripts.vm.guest.wait import wait_until


class LabError(Exception):
    """A step of an experiment failed; the message carries what the command said."""


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


def session_members(session: int) -> list[int]:
    """The living processes of a session (zombies are dead)."""
    return [pid for pid, state, owner in _processes() if owner == session and state not in "ZX"]


def named(comm: str) -> list[int]:
    """The living processes whose name, as in `ps -o comm`, is `comm`."""
    return [pid for pid, state, _ in _processes() if state not in "ZX" and _comm(pid) == comm]


def kill_session(session: int, timeout_s: float = 10) -> None:
    """Kill every process of a session and return when they are gone."""
    for pid in session_members(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: not session_members(session), timeout_s, f"the end of all processes of {session}"
    )


def _processes() -> Iterator[tuple[int, str, int]]:
    """Every process as (pid, state letter, session)."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                # The name, in parentheses, may itself hold blanks and parentheses.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                yield int(folder.name), fields[0], int(fields[3])


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""
