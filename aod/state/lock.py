"""Who runs: the lock of a runtime folder, and the sign of life of the workers.

The supervisor's process alone holds the lock: the next one can start as soon as it is dead. Its
workers die with it, a moment later; each keeps a second lock open, `workers.lock`, so that the next
supervisor waits for that moment and no two collectors write one log.
"""

import fcntl
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aod import log
from aod.files import FILE_MODE, is_locked

LOCK_NAME: Final = "supervisor.lock"
WORKERS_NAME: Final = "workers.lock"
_PATIENCE_SEC: Final = 0.5
"""Who only looks whether a supervisor runs holds the lock for a moment, too."""
_DEATH_SEC: Final = 5.0
_POLL_SEC: Final = 0.01
_MOST_BYTES: Final = 64


class LockedError(Exception):
    """Another supervisor holds the runtime folder."""


class Lock:
    """The runtime folder's lock: held by this process, freed by its death.

    Raises:
        LockedError: another process holds it; the text says which, and since when.
        OSError: the folder cannot be written.
    """

    def __init__(self, runtime_dir: Path) -> None:
        self._path = runtime_dir / LOCK_NAME
        self._workers_path = runtime_dir / WORKERS_NAME
        self._fd = self._take()
        while not self._is_there():  # its last holder removed it before we had it
            os.close(self._fd)
            self._fd = self._take()
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()} {int(time.time())}\n".encode(), 0)
        self._workers_fd = _opened(self._workers_path)
        if not is_locked(self._workers_fd, _DEATH_SEC, _POLL_SEC):
            log.ROOT.warning(
                "a worker of the last daemon was killed and is still there: the kernel does not "
                "let it go; starting beside it"
            )

    def _take(self) -> int:
        fd = _opened(self._path)
        if not is_locked(fd, _PATIENCE_SEC, _POLL_SEC):
            told = _told(fd)
            os.close(fd)
            raise LockedError(f"{self._path.parent} is in use by another aod-supervisor ({told})")
        return fd

    def _is_there(self) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._fd), self._path.lstat())
        return False

    def close_inherited(self) -> None:
        """In a worker: it is no supervisor. The other lock is kept until it dies."""
        os.close(self._fd)

    def release(self) -> None:
        """Remove both; the workers are dead."""
        self._workers_path.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        os.close(self._workers_fd)
        os.close(self._fd)


def holder(runtime_dir: Path) -> int | None:
    """The pid of the supervisor that runs there now, or None."""
    try:
        fd = os.open(runtime_dir / LOCK_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _content(fd)[0]
    else:
        return None
    finally:
        os.close(fd)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)


def _content(fd: int) -> tuple[int | None, int | None]:
    """The holder's pid, and when it started (seconds since the epoch)."""
    words = os.pread(fd, _MOST_BYTES, 0).decode(errors="replace").split()
    numbers = [int(word) if word.isdecimal() else None for word in words]
    pid, since, *_ = [*numbers, None, None]
    return pid, since


def _told(fd: int) -> str:
    pid, since = _content(fd)
    if pid is None or since is None:
        return f"pid {pid or 'unknown'}"
    return f"pid {pid}, since {datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M:%S} UTC"
