"""Sources that outlived their capture: it was killed, and they hang, or print for nobody.

Each child carries whose it is as its standard input: an empty file in memory of that name. A pid
alone would say nothing once it is another's, so the owner is told by its pid and the time when it
was started. Command lines and environments are never read: that waits for the lock of a task's
address space, which a task that hangs may hold for ever. What a link in /proc points to does not.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from aod.files import memory_file

_MARK: Final = "aod-owner:"
_LINK: Final = f"/memfd:{_MARK}"
"""What readlink says of such a file, with the owner and ` (deleted)` behind it: proc(5)."""
_PROC: Final = Path("/proc")
_START_TIME: Final = 19
"""Of the fields of /proc/PID/stat behind the name; in clock ticks since the boot."""


def owner() -> str:
    """This process, as its children tell it."""
    return f"{os.getpid()}.{_start_time(_PROC / 'self')}"


@contextmanager
def marked(owner: str) -> Iterator[int]:
    """The standard input for a child of `owner`: there is nothing to read in it.

    Raises:
        OSError: it cannot be made.
    """
    fd = memory_file(f"{_MARK}{owner}")
    try:
        yield fd
    finally:
        os.close(fd)


def end() -> list[int]:
    """Kill what belongs to owners that are dead, each with its group; the pids.

    One that hangs in the kernel dies when it leaves it.
    """
    found = []
    for pid in list(_orphans()):
        with suppress(OSError):
            kill = os.killpg if os.getpgid(pid) == pid else os.kill
            kill(pid, signal.SIGKILL)
            found.append(pid)
    return found


def _orphans() -> Iterator[int]:
    for process in _PROC.iterdir():
        if not process.name.isdecimal():
            continue
        with suppress(OSError, ValueError):
            value = _owner_of(process)
            if value and not _lives(value):
                yield int(process.name)


def _owner_of(process: Path) -> str:
    """Whose child a process says it is; empty: nobody's, or a stranger made that up."""
    stdin = process / "fd/0"
    target = str(stdin.readlink())
    if not target.startswith(_LINK) or stdin.stat().st_uid != os.geteuid():
        return ""
    return target.removeprefix(_LINK).partition(" ")[0]


def _lives(value: str) -> bool:
    pid, _, start_time = value.partition(".")
    try:
        return _start_time(_PROC / str(int(pid))) == start_time
    except OSError:
        return False


def _start_time(process: Path) -> str:
    """Raises OSError: there is no such process."""
    return (process / "stat").read_text().rpartition(")")[2].split()[_START_TIME]
