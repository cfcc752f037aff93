"""The folder in which a bundle is filled: locked while its maker lives, so a leftover can be told.

The lock is an flock on the folder itself. It ends with its holder's process, however that dies, so
whoever can take it has found a leftover; the same with the daemon, a respawned stage and a person
who runs `aod-stage capture --now` beside them.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aod import names
from aod.files import FOLDER_MODE


class BusyError(Exception):
    """Another process fills this folder now."""


@contextmanager
def work_folder(output_dir: Path, timestamp: int) -> Iterator[Path]:
    """A new, empty `aod_<timestamp>/`, gone again at the end, together with an unfinished archive.

    Raises:
        BusyError: another process makes this bundle.
        OSError: it cannot be made.
    """
    path = output_dir / names.folder(timestamp)
    _clear(output_dir, timestamp)
    path.mkdir(FOLDER_MODE)
    lock = _lock(path)
    try:
        yield path
    finally:
        try:
            _remove(output_dir, timestamp)
        finally:
            os.close(lock)


def remove_leftovers(output_dir: Path) -> list[int]:
    """Remove what killed makers left; the timestamps of their bundles. Live makers keep theirs.

    Raises:
        OSError: the folder cannot be read.
    """
    removed = []
    for timestamp in sorted(_leftovers(output_dir)):
        with suppress(BusyError, OSError):
            _clear(output_dir, timestamp)
            removed.append(timestamp)
    return removed


def _leftovers(output_dir: Path) -> set[int]:
    found = set()
    for path in output_dir.iterdir():
        for parse in (names.timestamp_of_folder, names.timestamp_of_unfinished):
            timestamp = parse(path.name)
            if timestamp is not None:
                found.add(timestamp)
    return found


def _clear(output_dir: Path, timestamp: int) -> None:
    try:
        lock = _lock(output_dir / names.folder(timestamp))
    except FileNotFoundError:
        _remove(output_dir, timestamp)
        return
    try:
        _remove(output_dir, timestamp)
    finally:
        os.close(lock)


def _lock(path: Path) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder_fd = os.open(path, flags)
    try:
        fcntl.flock(folder_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(folder_fd)
        raise BusyError(f"{path.name} is being filled by another process") from error
    return folder_fd


def _remove(output_dir: Path, timestamp: int) -> None:
    (output_dir / names.unfinished(timestamp)).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(output_dir / names.folder(timestamp))
