"""The files of the event log: their names, whose they have to be, and that they are whole."""

import os
import stat
from pathlib import Path
from typing import Final

from aod.files import FILE_MODE, create_fd

LOG_NAME: Final = "events.log"
POSITION_NAME: Final = "detect.position"


class EventLogError(Exception):
    """A file that is not an event log of this version, or not ours."""


class OtherVersionError(EventLogError):
    """An event log that another version of this program made."""


def open_ours(path: Path, writable: bool) -> int:
    """A descriptor of a regular file that this user or root owns; links are not followed.

    Raises:
        EventLogError: it is something else, or cannot be opened.
    """
    # O_NONBLOCK: a FIFO in the file's place must not stop its reader for ever.
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    flags |= os.O_RDWR if writable else os.O_RDONLY
    try:
        fd = os.open(path, flags)
    except OSError as error:
        raise EventLogError(f"{path}: {error.strerror}") from error
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode) or info.st_uid not in (0, os.geteuid()):
        os.close(fd)
        raise EventLogError(f"{path}: not a regular file of user 0 or {os.geteuid()}")
    return fd


def create_whole(path: Path, size: int) -> int:
    """A descriptor of a new file of that size, none of which is a hole.

    Raises:
        OSError: there is one of that name, or no room.
    """
    fd = create_fd(path)
    os.fchmod(fd, FILE_MODE)
    os.posix_fallocate(fd, 0, size)  # with holes, a full file system would end who writes later
    return fd
