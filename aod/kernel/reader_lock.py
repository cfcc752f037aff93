"""One reader of /proc/fs/cifs at a time, whatever process of the daemon starts it.

The client's files are read under its locks. Where one of these is never released, a reader spins or
sleeps in the kernel, where no signal ends it: a second one would take another processor, a third
the next. So who reads holds a lock (flock(2)) on a file of the runtime folder. The parent takes it
and the child that reads inherits it: it is held for exactly as long as that child lives, also when
its parent was respawned. Whoever does not get it within its time reads nothing, and says so."""

import os
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from aod.files import FOLDER_MODE, closing_fd, create_fd, open_trusted
from aod.state.lock import lock_named
from aod.text import utc

NAME: Final = "cifs-reader.lock"
HANGS_SEC: Final = 5.0
"""A reader that is older than this hangs: nobody waits for its end any more."""
_MODE: Final = 0o600
"""Others must not be able to lock it either."""

_counts: Final = Counter[str]()
"""What happened in this process."""


class BusyError(Exception):
    """An earlier reader has not ended; the text says which."""


class Reader(NamedTuple):
    """Who holds the lock."""

    pid: int
    since_ns: int
    """CLOCK_MONOTONIC."""

    @property
    def hangs(self) -> bool:
        """Whether it has been reading for longer than a client that works ever takes."""
        return time.monotonic_ns() - self.since_ns > HANGS_SEC * 1e9

    def __str__(self) -> str:
        since = utc(time.time_ns() - (time.monotonic_ns() - self.since_ns))
        return f"reader of /proc/fs/cifs (pid {self.pid}, since {since})"


class Turn:
    """The lock, held until a child inherits it, or it is given back."""

    def __init__(self, fd: int | None) -> None:
        """None: there is no runtime folder, and so nobody to share it with."""
        self._fd = fd

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptors that the child must inherit."""
        return () if self._fd is None else (self._fd,)

    def started(self, pid: int) -> None:
        """The child has begun, and holds the lock from now on."""
        if self._fd is not None:
            with suppress(OSError):  # a full disk: it is nameless then
                _write(self._fd, pid)
        self.give_back()

    def give_back(self) -> None:
        """Close this process's hold on it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Queue:
    """A wait for a turn, which never blocks."""

    def __init__(self, runtime_dir: Path, patience_sec: float) -> None:
        self._runtime_dir = runtime_dir
        self._deadline = time.monotonic() + patience_sec
        self._seen: Reader | None = None

    def poll(self) -> Turn | None:
        """The turn, or None: ask again soon.

        Raises BusyError: it is not got in time, or who has it hangs; this is counted. Raises
        OSError: the lock cannot be made."""
        if (turn := take(self._runtime_dir)) is not None:
            return turn
        found, before = _reader(self._runtime_dir), self._seen
        self._seen = found
        # Seen twice: between its first two instructions, a new one has the name of its predecessor.
        if (found and found.hangs and found == before) or time.monotonic() >= self._deadline:
            _counts["refused"] += 1
            state = "still hangs in the kernel" if found and found.hangs else "has not ended"
            raise BusyError(f"not read: an earlier {found or 'reader'} {state}")
        return None


def refused() -> int:
    """How often this process did not read, since its start."""
    return _counts["refused"]


def take(runtime_dir: Path) -> Turn | None:
    """The turn, if nobody has it. Raises OSError: the lock cannot be made."""
    path = runtime_dir / NAME
    try:
        runtime_dir.mkdir(FOLDER_MODE, exist_ok=True)
        with suppress(FileExistsError):
            os.close(create_fd(path, _MODE))
        fd = open_trusted(path, (os.geteuid(),), links=1, flags=os.O_RDWR)
    except FileNotFoundError:
        return Turn(None)
    try:
        if lock_named(fd, path):
            _write(fd, os.getpid())
            return Turn(fd)
    except OSError as error:
        os.close(fd)
        if isinstance(error, BlockingIOError):
            return None
        raise
    os.close(fd)  # removed meanwhile, by the end of a daemon
    return None


def hanging(runtime_dir: Path) -> Reader | None:
    """The reader that hangs now, if there is one; none, where the lock cannot be asked."""
    found = _reader(runtime_dir)
    if found is None or not found.hangs:
        return None
    with suppress(OSError):
        if (turn := take(runtime_dir)) is None:
            return found
        turn.give_back()
    return None


def clear(runtime_dir: Path) -> None:
    """Remove the lock, unless a reader still has it."""
    with suppress(OSError):
        if (turn := take(runtime_dir)) is not None:
            (runtime_dir / NAME).unlink(missing_ok=True)
            turn.give_back()


def _write(fd: int, pid: int) -> None:
    os.pwrite(fd, f"{pid:>10} {time.monotonic_ns():>20}\n".encode(), 0)


def _reader(runtime_dir: Path) -> Reader | None:
    with suppress(OSError, ValueError), closing_fd(open_trusted(runtime_dir / NAME)) as fd:
        pid, since_ns = map(int, os.pread(fd, 64, 0).split())
        return Reader(pid, since_ns)
    return None
