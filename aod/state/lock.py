"""File locks; and the two of a runtime folder, by which one daemon at a time runs there.

Only the supervisor's process holds the first, so that the next one can start as soon as it is dead.
Its workers die with it, but a moment later: they share the second, `workers.lock`, and the next
supervisor waits for it, so that no two collectors write one event log."""

import errno
import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from aod import log
from aod.files import FILE_MODE, closing_fd, open_trusted
from aod.text import utc

LOCK_NAME: Final = "supervisor.lock"
WORKERS_NAME: Final = "workers.lock"
_PATIENCE_SEC: Final = 0.5
"""`holder` takes the lock for a moment, too."""
_DEATH_SEC: Final = 5.0
_POLL_SEC: Final = 0.001


class LockedError(Exception):
    """Another supervisor holds the runtime folder."""


def is_locked(fd: int, patience_sec: float = 0.0) -> bool:
    """Whether this process has the file's lock (flock(2)), or gets it within that time."""
    deadline = time.monotonic() + patience_sec
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SEC)


def lock_named(
    fd: int, path: Path | str, patience_sec: float = 0.0, *, dir_fd: int | None = None
) -> bool:
    """Lock an open file or folder; whether it still is the one of that name.

    If not, the lock's last holder removed or replaced it in between. Raises BlockingIOError:
    another process holds the lock."""
    if not is_locked(fd, patience_sec):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    with suppress(FileNotFoundError):
        named = os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
        return os.path.samestat(os.fstat(fd), named)
    return False


class Lock:
    """The locks of a runtime folder, held by this process until it dies. Raises LockedError:
    another process holds the first; the text says which, and since when. Raises OSError: the folder
    cannot be written."""

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / LOCK_NAME
        self._workers_path = runtime_dir / WORKERS_NAME
        while True:
            self._fd = _open(self._path)
            try:
                if lock_named(self._fd, self._path, _PATIENCE_SEC):
                    break
                os.close(self._fd)  # its last holder removed it before it was locked
            except BlockingIOError:
                other = f"another aod-supervisor ({_describe(self._fd)})"
                os.close(self._fd)
                raise LockedError(f"{runtime_dir} is in use by {other}") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()} {int(time.time())}\n".encode(), 0)
        self._workers_fd = _open(self._workers_path)
        if not is_locked(self._workers_fd, _DEATH_SEC):
            log.ROOT.warning(
                "a killed worker of the last daemon is stuck in the kernel; starting beside it"
            )

    def close_inherited(self) -> None:
        """In a worker: close the supervisor's lock; the workers' is kept until it dies."""
        os.close(self._fd)

    def release(self) -> None:
        """Remove both, once the workers are dead."""
        self._workers_path.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        os.close(self._workers_fd)
        os.close(self._fd)


def holder(runtime_dir: Path) -> int | None:
    """The pid of the supervisor that runs there now, or None."""
    with suppress(OSError), closing_fd(open_trusted(runtime_dir / LOCK_NAME)) as fd:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return next(iter(_content(fd)), None)
    return None


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)


def _content(fd: int) -> list[int]:
    """The holder's pid, and when it started (seconds since the epoch)."""
    words = os.pread(fd, 64, 0).split()
    return [int(word) for word in words if word.isdigit()]


def _describe(fd: int) -> str:
    match _content(fd):
        case [pid, since]:
            return f"pid {pid}, since {utc(since * 10**9)}"
        case found:
            return f"pid {found[0] if found else 'unknown'}"
