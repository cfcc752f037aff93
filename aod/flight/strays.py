"""A tcpdump of ours that outlived its capture: killed between its fork and its death signal."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PATIENCE_MS: Final = 1000


def end(folder: Path) -> None:
    """Kill whoever writes the ring in a folder, and wait for its end."""
    for pid in list(writers(folder)):
        with suppress(OSError):
            _kill(pid)


def writers(folder: Path) -> Iterator[int]:
    """The processes that write the ring in a folder; only those that we may look at.

    Told by where they are: nobody else's tcpdump runs there. Their command lines are not read, as
    that waits for a lock which a process that hangs may hold for ever.
    """
    folder = folder.resolve()
    for process in _PROC.iterdir():
        with suppress(OSError):
            if process.name.isdecimal() and _writes(process, folder):
                yield int(process.name)


def _writes(process: Path, folder: Path) -> bool:
    is_tcpdump = (process / "comm").read_text() == "tcpdump\n"
    return is_tcpdump and (process / "cwd").readlink() == folder


def _kill(pid: int) -> None:
    fd = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        poller.poll(_PATIENCE_MS)
    finally:
        os.close(fd)
