"""Child processes: how they are started, and how those that outlived their parent are ended.

Each child carries whose it is as its standard input: an empty file in memory of that name. A pid
alone would prove nothing once it is another's, so the owner is its pid and the time when it was
started. Command lines and environments are never read: that waits for the lock of a task's address
space, which a task that hangs may hold for ever. What a link in /proc points to does not."""

import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

from aod.files import closing_fd, memory_file

_MARK: Final = "aod-owner:"
_LINK: Final = f"/memfd:{_MARK}"
"""What readlink says of a marked standard input, with the owner and ` (deleted)` behind it."""
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
    return closing_fd(memory_file(f"{_MARK}{owner}"))


def spawn(
    argv: Sequence[str],
    cwd: Path,
    stdout: int = subprocess.PIPE,
    umask: int = -1,
    inherited: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, at a low priority, its errors in a pipe; beside these
    it inherits the descriptors that are named.

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
            pass_fds=inherited,
        )
    # From here and not in the child: code between fork and exec would run beside our threads.
    with suppress(OSError):
        nice = max(_NICE, os.getpriority(os.PRIO_PROCESS, 0))
        os.setpriority(os.PRIO_PGRP, popen.pid, nice)
    return popen


def end_leftovers() -> list[int]:
    """Kill the children of dead owners, each with its group; the pids.

    One that hangs in the kernel dies when it leaves it."""
    found = []
    for pid in list(_processes(_has_dead_owner)):
        with suppress(OSError):
            kill = os.killpg if os.getpgid(pid) == pid else os.kill
            kill(pid, signal.SIGKILL)
            found.append(pid)
    return found


def end_writers(folder: Path) -> None:
    """Kill whichever tcpdump writes into a folder, and wait for its end."""
    for pid in list(writers(folder)):
        with suppress(OSError), closing_fd(os.pidfd_open(pid)) as fd:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            poller = select.poll()
            poller.register(fd, select.POLLIN)
            poller.poll(1000)  # ms


def writers(folder: Path) -> Iterator[int]:
    """The processes that are a tcpdump and run in a folder; only those that we may look at."""
    where = folder.resolve()

    def writes(process: Path) -> bool:
        is_tcpdump = (process / "comm").read_text() == "tcpdump\n"
        return is_tcpdump and (process / "cwd").readlink() == where

    return _processes(writes)


def _processes(is_one: Callable[[Path], bool]) -> Iterator[int]:
    """The pids of those whose folder in /proc shows it; one that ends meanwhile is none."""
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if process.name.isdecimal() and is_one(process):
                yield int(process.name)


def _has_dead_owner(process: Path) -> bool:
    """Whether a process carries a dead owner; the mark of another user's process proves nothing."""
    stdin = process / "fd/0"
    target = str(stdin.readlink())
    if not target.startswith(_LINK) or stdin.stat().st_uid != os.geteuid():
        return False
    pid, _, started = target.removeprefix(_LINK).partition(" ")[0].partition(".")
    try:
        return start_time(str(int(pid))) != started
    except OSError:
        return True
