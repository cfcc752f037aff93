"""The files of the event log: names, owners, errors."""

import os
from pathlib import Path
from typing import Final

from aod.files import FILE_MODE, create_fd, open_trusted

LOG_NAME: Final = "events.log"
POSITION_NAME: Final = "detect.position"


class EventLogError(Exception):
    """A file that is no event log of this version, or not ours."""


class OtherVersionError(EventLogError):
    """An event log that another version of this program made."""


def open_ours(path: Path, writable: bool) -> int:
    """A descriptor of a regular file that this user or root owns; links are not followed.

    Raises EventLogError: it is something else, or cannot be opened."""
    try:
        return open_trusted(path, (0, os.geteuid()), flags=os.O_RDWR if writable else os.O_RDONLY)
    except OSError as error:
        why = error.strerror or f"not a regular file of user 0 or {os.geteuid()}"
        raise EventLogError(f"{path}: {why}") from error


def create_whole(path: Path, size: int) -> int:
    """A descriptor of a new file of that size, none of which is a hole.

    Raises OSError: there is one of that name, or no room."""
    fd = create_fd(path)
    os.fchmod(fd, FILE_MODE)
    os.posix_fallocate(fd, 0, size)  # writing to a hole of a full file system would be fatal
    return fd
