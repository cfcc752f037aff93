"""Names of errno values: the client's errors, as they are shown and configured.

The server's status is in `aod.smb.ntstatus`; the client maps hundreds of those to a few dozen
errno, so one does not stand for the other."""

import errno
import os
from typing import Final

_INTERNAL: Final = {
    512: ("ERESTARTSYS", "Interrupted by a signal; to be restarted"),
    513: ("ERESTARTNOINTR", "Interrupted by a signal; always restarted"),
    514: ("ERESTARTNOHAND", "Interrupted by a signal; restarted if it has no handler"),
    515: ("ENOIOCTLCMD", "No such ioctl command"),
    516: ("ERESTART_RESTARTBLOCK", "Interrupted by a signal; restarted for the time left"),
    517: ("EPROBE_DEFER", "Driver asks to be probed again later"),
    518: ("EOPENSTALE", "Stale file handle found by open"),
    519: ("ENOPARAM", "Mount option not known to this file system"),
    521: ("EBADHANDLE", "Illegal NFS file handle"),
    522: ("ENOTSYNC", "Update out of step"),
    523: ("EBADCOOKIE", "Stale position in a directory"),
    524: ("ENOTSUPP", "Operation not supported by this file system"),
    525: ("ETOOSMALL", "Buffer or request too small"),
    526: ("ESERVERFAULT", "Server error without a better name"),
    527: ("EBADTYPE", "Type not supported by the server"),
    528: ("EJUKEBOX", "Started, but will take long; ask again"),
    529: ("EIOCBQUEUED", "Asynchronous I/O queued"),
    530: ("ERECALLCONFLICT", "Conflict with a recalled lock or delegation"),
    531: ("ENOGRACE", "Nothing left to reclaim after a restart"),
}
"""Internal to the kernel (include/linux/errno.h): programs do not see them, but tracepoints do, as
the ERESTARTSYS of a task that is killed while it waits for a response."""

NUMBERS: Final[dict[str, int]] = {
    "EHWPOISON": 133,  # unknown to Python before 3.14
    **{name: value for name, value in vars(errno).items() if name.startswith("E")},
    **{name: number for number, (name, _) in _INTERNAL.items()},
}
"""Name -> number on this architecture, including second names (EWOULDBLOCK, ENOTSUP)."""

NAMES: Final[dict[int, str]] = {
    **{number: name for name, number in NUMBERS.items()},
    **{NUMBERS[name]: name for name in ("EAGAIN", "EDEADLK", "EOPNOTSUPP")},
}
"""Number -> name; of two, the kernel's."""

VAGUE: Final = frozenset({errno.EIO, errno.EACCES})
"""The client maps to these what has no better errno, benign statuses included: STATUS_CANCELLED to
EIO, STATUS_LOCK_NOT_GRANTED to EACCES (kernel, smb2maperror.c)."""


def errno_name(number: int) -> str:
    """`EACCES` for 13 and for -13, an empty text for 0, `errno 600` for one without a name."""
    number = abs(number)
    return NAMES.get(number, f"errno {number}") if number else ""


def errno_text(number: int) -> str:
    """`Permission denied` for 13."""
    return _INTERNAL[number][1] if number in _INTERNAL else os.strerror(number)
