"""Sources that outlived their capture: it was killed, and they hang, or print for nobody.

Each child carries in its environment whose it is. A pid alone would say nothing once it is
another's, so the owner is told by its pid and the time when it was started.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

VARIABLE: Final = "AOD_OWNER"
_PROC: Final = Path("/proc")
_START_TIME: Final = 19
"""Of the fields of /proc/PID/stat behind the name; in clock ticks since the boot."""


def owner() -> str:
    """The value of `VARIABLE` for children of this process."""
    return f"{os.getpid()}.{_start_time(_PROC / 'self')}"


def end() -> list[int]:
    """Kill what belongs to owners that are dead; the pids.

    One that hangs in the kernel dies when it leaves it.
    """
    found = []
    for pid in list(_orphans()):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            found.append(pid)
    return found


def _orphans() -> Iterator[int]:
    key = f"{VARIABLE}=".encode()
    for process in _PROC.iterdir():
        if not process.name.isdecimal():
            continue
        with suppress(OSError, ValueError):
            for entry in (process / "environ").read_bytes().split(b"\0"):
                if entry.startswith(key) and not _lives(entry.removeprefix(key).decode()):
                    yield int(process.name)


def _lives(value: str) -> bool:
    pid, _, start_time = value.partition(".")
    try:
        return _start_time(_PROC / str(int(pid))) == start_time
    except OSError:
        return False


def _start_time(process: Path) -> str:
    """Raises OSError: there is no such process."""
    return (process / "stat").read_text().rpartition(")")[2].split()[_START_TIME]
