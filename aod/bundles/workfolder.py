"""The folder in which a bundle is filled: locked as long as its maker lives.

The lock is an flock on the folder itself, which ends with its holder's process: a folder that can
be locked is a leftover, whether of a stage or of a person's `aod-stage capture --now`. It stays for
the next maker: what was read at the moment of the incident cannot be read again."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aod.files import FOLDER_MODE, closing_fd
from aod.state import names
from aod.state.lock import lock_named


class BusyError(Exception):
    """Another process fills this folder now."""


@contextmanager
def work_folder(output_dir: Path, timestamp: int) -> Iterator[Path]:
    """The locked folder `aod_<timestamp>/`: new, or as another maker left it.

    It is gone after the block, unless that raised and something is in it. No unfinished archive
    stays in any case. Raises BusyError: another process makes this bundle. Raises OSError: it
    cannot be made."""
    path = output_dir / names.folder(timestamp)
    unfinished = output_dir / names.unfinished(timestamp)
    with suppress(FileExistsError):
        path.mkdir(FOLDER_MODE)
    with closing_fd(_lock(path)):
        try:
            unfinished.unlink(missing_ok=True)
            yield path
            shutil.rmtree(path)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            with suppress(OSError):
                path.rmdir()  # an empty one is of no use
            raise


def leftovers(output_dir: Path) -> list[int]:
    """The timestamps of bundles that were begun and not sealed, oldest first.

    Raises OSError: the folder cannot be read."""
    parsers = names.folder.timestamp, names.unfinished.timestamp
    found = {parse(path.name) for path in output_dir.iterdir() for parse in parsers}
    return sorted(timestamp for timestamp in found if timestamp is not None)


def discard(output_dir: Path, timestamp: int) -> None:
    """Remove what a dead maker left.

    Raises BusyError: its maker lives. Raises OSError: it cannot be removed."""
    path = output_dir / names.folder(timestamp)
    unfinished = output_dir / names.unfinished(timestamp)
    try:
        with closing_fd(_lock(path)):
            unfinished.unlink(missing_ok=True)
            shutil.rmtree(path)
    except FileNotFoundError:  # there is no folder
        unfinished.unlink(missing_ok=True)


def is_busy(output_dir: Path, timestamp: int) -> bool:
    """Whether a living process fills the folder. Raises OSError: there is no such folder."""
    with suppress(BusyError):
        os.close(_lock(output_dir / names.folder(timestamp)))
        return False
    return True


def _lock(path: Path) -> int:
    """A descriptor of the folder that holds its lock."""
    folder_fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with suppress(BlockingIOError):
        if lock_named(folder_fd, path):  # else its maker finished and removed it before we had it
            return folder_fd
    os.close(folder_fd)
    raise BusyError(f"{path.name} is being filled by another process")
