"""Leftovers: children that outlived their parent, which was killed; found in /proc and ended.

Command lines and environments are never read: that waits for the lock of a task's address space,
which a task that hangs may hold for ever. What a link in /proc points to does not."""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from aod.files import closing_fd
from aod.host.children import MARK, start_time

_LINK: Final = f"/memfd:{MARK}"
"""What readlink says of a marked standard input, with the owner and ` (deleted)` behind it."""
_PATIENCE_MS: Final = 1000


def end() -> list[int]:
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
            poller.poll(_PATIENCE_MS)


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
