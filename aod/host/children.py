"""Child processes: how they are started, so that one that outlives its parent can be recognized.

Each child carries whose it is as its standard input: an empty file in memory of that name. A pid
alone would prove nothing once it is another's, so the owner is its pid and the time when it was
started."""

import os
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

from aod.files import closing_fd, memory_file

MARK: Final = "aod-owner:"
_NICE: Final = 10
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_START_TIME: Final = 19
"""Of the fields of /proc/PID/stat behind the name; in clock ticks since the boot."""


def environment() -> dict[str, str]:
    """A child's whole environment: English output, and where programs are."""
    return {"PATH": os.environ.get("PATH", _PATH), "LC_ALL": "C"}


def owner() -> str:
    """This process, as its children carry it."""
    return f"{os.getpid()}.{start_time('self')}"


def start_time(pid: str) -> str:
    """When a process was started. Raises OSError: there is none."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[_START_TIME]


def marked(owner: str) -> AbstractContextManager[int]:
    """The standard input for a child of `owner`: there is nothing to read in it.

    Raises OSError: it cannot be made."""
    return closing_fd(memory_file(f"{MARK}{owner}"))


def spawn(
    argv: Sequence[str], cwd: Path, stdout: int = subprocess.PIPE, umask: int = -1
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, at a low priority, its errors in a pipe.

    Raises OSError: no such program, or no more processes."""
    with marked(owner()) as stdin:
        popen = subprocess.Popen(
            argv,
            bufsize=0,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd=cwd,
            umask=umask,
            start_new_session=True,
        )
    # From here and not in the child: code between fork and exec would run beside our threads.
    with suppress(OSError):
        nice = max(_NICE, os.getpriority(os.PRIO_PROCESS, 0))
        os.setpriority(os.PRIO_PGRP, popen.pid, nice)
    return popen
