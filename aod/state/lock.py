"""Who runs: the lock of a runtime folder, and the sign of life of the workers.

The supervisor's process alone holds the lock: the next one can start as soon as it is dead. Its
workers die with it, a moment later; each keeps a second lock open, `workers.lock`, so that the next
supervisor waits for that moment and no two collectors write one log.
"""

import errno
import fcntl
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aod import log
from aod.files import FILE_MODE, open_trusted

LOCK_NAME: Final = "supervisor.lock"
WORKERS_NAME: Final = "workers.lock"
_PATIENCE_SEC: Final = 0.5
"""Who only looks whether a supervisor runs holds the lock for a moment, too."""
_DEATH_SEC: Final = 5.0
_POLL_SEC: Final = 0.001
_MOST_BYTES: Final = 64


def is_locked(fd: int, patience_sec: float = 0.0) -> bool:
    """Whether this process has the file's lock (flock(2)), or gets it within that time."""
    deadline = time.monotonic() + patience_sec
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SEC)
        else:
            return True


def lock_named(
    fd: int, path: Path | str, patience_sec: float = 0.0, *, dir_fd: int | None = None
) -> bool:
    """Lock an open file or folder; whether it still is the one of that name.

    If not, the lock's last holder removed or replaced it in between.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    if not is_locked(fd, patience_sec):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    with suppress(FileNotFoundError):
        named = os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
        return os.path.samestat(os.fstat(fd), named)
    return False


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
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()} {int(time.time())}\n".encode(), 0)
        self._workers_fd = _opened(self._workers_path)
        if not is_locked(self._workers_fd, _DEATH_SEC):
            log.ROOT.warning(
                "a worker of the last daemon was killed and is still there: the kernel does not "
                "let it go; starting beside it"
            )

    def _take(self) -> int:
        while True:
            fd = _opened(self._path)
            try:
                if lock_named(fd, self._path, _PATIENCE_SEC):
                    return fd
            except BlockingIOError:
                other = f"another aod-supervisor ({_holder_text(fd)})"
                os.close(fd)
                raise LockedError(f"{self._path.parent} is in use by {other}") from None
            os.close(fd)  # its last holder removed it before we had it

    def leave_to_parent(self) -> None:
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
        fd = open_trusted(runtime_dir / LOCK_NAME)
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


def _holder_text(fd: int) -> str:
    pid, since = _content(fd)
    if pid is None or since is None:
        return f"pid {pid or 'unknown'}"
    return f"pid {pid}, since {datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M:%S} UTC"
