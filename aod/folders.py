"""The folders that the daemon writes to, and the lock that keeps a second one out."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from aod import counters, episodes, peer_names, spool
from aod.config import Config
from aod.eventlog import LOG_NAME, POSITION_NAME
from aod.files import FILE_MODE, FOLDER_MODE
from aod.wire import STAGES, SUPERVISOR, socket_path

LOCK_NAME: Final = "supervisor.lock"


class FolderError(Exception):
    """A folder that the configuration names cannot be used."""


class LockedError(Exception):
    """Another supervisor holds the runtime folder."""


def prepare(config: Config) -> None:
    """Make the folders that are not there, for nobody else to read.

    Raises:
        FolderError: one cannot be made or written.
    """
    folders = {
        "aod_output_dir": config.aod_output_dir,
        "state_dir": config.state_dir,
        "runtime_dir": config.runtime_dir,
    }
    for key, path in folders.items():
        _make(key, path)
    _make("state_dir", config.state_dir / spool.FOLDER)


def _make(key: str, path: Path) -> None:
    try:
        old_mask = os.umask(0o777 & ~FOLDER_MODE)
        try:
            path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        finally:
            os.umask(old_mask)
        probe = path / f".write-test.{os.getpid()}"
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        probe.unlink()
    except OSError as error:
        raise FolderError(
            f"{key}: {path} cannot be written ({error.strerror}); name another folder, or make it"
        ) from error


class Lock:
    """The runtime folder's lock: held by the supervisor's process, freed by its death."""

    def __init__(self, runtime_dir: Path):
        self._path = runtime_dir / LOCK_NAME
        self._fd = self._take()
        while not self._is_there():  # its last holder removed it before we had it
            os.close(self._fd)
            self._fd = self._take()
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def _take(self) -> int:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode(errors="replace").strip()
            os.close(fd)
            raise LockedError(
                f"{self._path.parent} is in use by another aod-supervisor "
                f"(pid {holder or 'unknown'})"
            ) from None
        return fd

    def _is_there(self) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._fd), self._path.lstat())
        return False

    def release(self) -> None:
        self._path.unlink(missing_ok=True)
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
        text = os.read(fd, 32).decode(errors="replace").strip()
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(fd)


def clear_runtime(runtime_dir: Path, lock: Lock) -> None:
    """Remove what a clean stop leaves in the runtime folder, and the folder if it is empty."""
    sockets = [socket_path(runtime_dir, name) for name in (*STAGES, SUPERVISOR)]
    logs = (LOG_NAME, POSITION_NAME, counters.NAME)
    files = (*logs, episodes.NAME, peer_names.FILE, peer_names.UNFINISHED)
    for path in (*sockets, *(runtime_dir / name for name in files)):
        path.unlink(missing_ok=True)
    lock.release()
    with suppress(OSError):
        runtime_dir.rmdir()
