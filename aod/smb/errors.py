"""Names of errno values, as the client's error of an operation is shown and configured.

NTSTATUS, what the server itself said, is in `aod.smb.ntstatus`: the client maps hundreds of them
onto a few dozen errno, so one is never a name for the other.
"""

import errno
from typing import Final

NUMBERS: Final[dict[str, int]] = {
    name: value for name, value in vars(errno).items() if name.startswith("E")
}
"""Name -> number on this architecture, second names (EWOULDBLOCK, ENOTSUP) included."""

_PREFERRED: Final = ("EAGAIN", "EDEADLK", "EOPNOTSUPP")
"""The name the kernel uses, where a number has two."""

NAMES: Final[dict[int, str]] = {
    **errno.errorcode,
    **{NUMBERS[name]: name for name in _PREFERRED},
}
"""Number -> name."""

VAGUE: Final = frozenset({errno.EIO, errno.EACCES})
"""What the client makes of statuses that it has no better word for, harmless ones among them:
STATUS_CANCELLED is EIO, STATUS_LOCK_NOT_GRANTED is EACCES (kernel, smb2maperror.c)."""


def errno_name(number: int) -> str:
    """`EACCES` for 13 and for -13, an empty text for 0, `errno 524` for one without a name."""
    number = abs(number)
    return NAMES.get(number, f"errno {number}") if number else ""
