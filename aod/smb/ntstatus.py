"""NTSTATUS values: their names, what the client makes of them, and which of them are no failure.

The table is a file beside this one (`scripts/ntstatus.py` makes it). Numbers and names: MS-ERREF
2.3.1. Which are benign: what a Linux client meets in everyday work.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from aod.smb.commands import Command

_TABLE: Final = Path(__file__).with_name("ntstatus.tsv")
_NO_ERROR: Final = "0"
_NOT_MAPPED: Final = "-"


class Status(NamedTuple):
    """A line of the table."""

    name: str
    number: int
    errno: str
    """What the client makes of it; empty for success."""
    mapped: bool
    """Whether the client's table has it; of all others the client makes EIO."""


def source() -> str:
    """Whose errno the table has: `cifs 2.40 of Linux 6.1.0-56-amd64`. Others differ in a few."""
    with _TABLE.open(encoding="ascii") as lines:
        return next(lines).removeprefix("# ").strip()


def statuses() -> Iterator[Status]:
    """The whole table, read anew, sorted by number; of two names for one, MS-ERREF's first."""
    for name, number, errno in _lines():
        mapped = errno != _NOT_MAPPED
        shown = errno if mapped else "EIO"
        yield Status(name, number, "" if errno == _NO_ERROR else shown, mapped)


def _lines() -> Iterator[tuple[str, int, str]]:
    for line in _TABLE.read_text("ascii").splitlines():
        if not line.startswith("#"):
            name, number, errno = line.split("\t")
            yield name, int(number, 16), errno


NUMBERS: Final[dict[str, int]] = {name: number for name, number, _ in _lines()}
"""Name -> number, second names included."""

# Backwards, so that the first name for a number is the one that stays.
NAMES: Final[dict[int, str]] = {number: name for name, number in reversed(NUMBERS.items())}
"""Number -> name."""

_ANY: Final = frozenset(Command)
_PROBES: Final = frozenset({Command.SMB2_IOCTL, Command.SMB2_QUERY_INFO})
_LOCKS: Final = frozenset({Command.SMB2_LOCK})

_BENIGN_BY_NAME: Final[dict[str, frozenset[Command]]] = {
    # The answer to "is it there?" is no, or yes.
    "STATUS_OBJECT_NAME_NOT_FOUND": _ANY,
    "STATUS_OBJECT_PATH_NOT_FOUND": _ANY,
    "STATUS_NO_SUCH_FILE": _ANY,
    "STATUS_OBJECT_NAME_COLLISION": _ANY,
    # The end of a listing, of a file, of attributes that are not there.
    "STATUS_NO_MORE_FILES": _ANY,
    "STATUS_END_OF_FILE": _ANY,
    "STATUS_NO_EAS_ON_FILE": _ANY,
    # A step of every logon.
    "STATUS_MORE_PROCESSING_REQUIRED": frozenset({Command.SMB2_SESSION_SETUP}),
    # A first part; the client asks again with a larger buffer.
    "STATUS_BUFFER_OVERFLOW": _ANY,
    # A symlink or another reparse point, which the client then follows; a DFS link.
    "STATUS_STOPPED_ON_SYMLINK": _ANY,
    "STATUS_IO_REPARSE_TAG_NOT_HANDLED": _ANY,
    "STATUS_NOT_A_REPARSE_POINT": _ANY,
    "STATUS_PATH_NOT_COVERED": _ANY,
    # The client probes for what a server can do.
    "STATUS_NOT_SUPPORTED": _PROBES,
    "STATUS_INVALID_DEVICE_REQUEST": _PROBES,
    "STATUS_FS_DRIVER_REQUIRED": _PROBES,
    # How a watch or any waiting request ends that its owner gave up.
    "STATUS_NOTIFY_ENUM_DIR": _ANY,
    "STATUS_NOTIFY_CLEANUP": _ANY,
    "STATUS_CANCELLED": _ANY,
    # Somebody else has the lock, which is what locks are for.
    "STATUS_LOCK_NOT_GRANTED": _LOCKS,
    "STATUS_FILE_LOCK_CONFLICT": _LOCKS,
}

BENIGN: Final[dict[int, frozenset[Command]]] = {
    NUMBERS[name]: commands for name, commands in _BENIGN_BY_NAME.items()
}
"""Status -> the commands in whose answers it is no failure. Error rules leave these out unless
`track_codes` names them."""


def status_name(number: int) -> str:
    """`STATUS_ACCESS_DENIED` for 0xC0000022; `0xC00ABCDE` for one that is not in the table."""
    return NAMES.get(number, f"0x{number:08X}")
