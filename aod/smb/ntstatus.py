"""NTSTATUS values: their names, the errno that the client maps them to, and which are benign.

The table is a file beside this one (made by `scripts/ntstatus.py`). Numbers and names: MS-ERREF
2.3.1. Benign are those that a Linux client meets in everyday work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from aod.smb.commands import Command

_TABLE: Final = Path(__file__).with_name("ntstatus.tsv")


class Status(Struct, frozen=True):
    """A line of the table."""

    number: int
    name: str
    errno: str
    """What the client turns it into; empty for success."""
    mapped: bool
    """Whether the client's table has it; if not, the client turns it into EIO."""
    left_out: tuple[str, ...]
    """The commands in whose responses it is benign, so that error rules leave it out unless it is
    tracked."""


def source() -> str:
    """The client whose mapping this is: `cifs 2.40 of Linux 6.1.0-56-amd64`; others differ in a
    few."""
    with _TABLE.open(encoding="ascii") as lines:
        return next(lines).removeprefix("# ").strip()


def statuses() -> Iterator[Status]:
    """The whole table, read from the file, sorted by number; of two names for one, MS-ERREF's
    first."""
    for name, number, mapping in _lines():
        errno = {"0": "", "-": "EIO"}.get(mapping, mapping)
        left_out = tuple(command.name for command in sorted(BENIGN.get(number, ())))
        yield Status(number, name, errno, mapping != "-", left_out)


def _lines() -> Iterator[tuple[str, int, str]]:
    for line in _TABLE.read_text("ascii").splitlines():
        if not line.startswith("#"):
            name, number, errno = line.split("\t")
            yield name, int(number, 16), errno


NUMBERS: Final[dict[str, int]] = {name: number for name, number, _ in _lines()}
"""Name -> number, second names included."""

# Reversed, so that the first name of a number wins.
NAMES: Final[dict[int, str]] = {number: name for name, number in reversed(NUMBERS.items())}

_ANY: Final = frozenset(Command)
_PROBES: Final = frozenset({Command.SMB2_IOCTL, Command.SMB2_QUERY_INFO})
_LOCKS: Final = frozenset({Command.SMB2_LOCK})

_BENIGN_BY_NAME: Final[dict[str, frozenset[Command]]] = {
    # "Is it there?" was answered with no, or with yes.
    "STATUS_OBJECT_NAME_NOT_FOUND": _ANY,
    "STATUS_OBJECT_PATH_NOT_FOUND": _ANY,
    "STATUS_NO_SUCH_FILE": _ANY,
    "STATUS_OBJECT_NAME_COLLISION": _ANY,
    # The end of a listing, of a file; no extended attributes.
    "STATUS_NO_MORE_FILES": _ANY,
    "STATUS_END_OF_FILE": _ANY,
    "STATUS_NO_EAS_ON_FILE": _ANY,
    # A step of every logon.
    "STATUS_MORE_PROCESSING_REQUIRED": frozenset({Command.SMB2_SESSION_SETUP}),
    # A part of the data; the client asks again with a larger buffer.
    "STATUS_BUFFER_OVERFLOW": _ANY,
    # A symlink or another reparse point, which the client then follows; a DFS link.
    "STATUS_STOPPED_ON_SYMLINK": _ANY,
    "STATUS_IO_REPARSE_TAG_NOT_HANDLED": _ANY,
    "STATUS_NOT_A_REPARSE_POINT": _ANY,
    "STATUS_PATH_NOT_COVERED": _ANY,
    # The client probes for features of the server.
    "STATUS_NOT_SUPPORTED": _PROBES,
    "STATUS_INVALID_DEVICE_REQUEST": _PROBES,
    "STATUS_FS_DRIVER_REQUIRED": _PROBES,
    # A watch or another pending request that its owner cancelled.
    "STATUS_NOTIFY_ENUM_DIR": _ANY,
    "STATUS_NOTIFY_CLEANUP": _ANY,
    "STATUS_CANCELLED": _ANY,
    # Another client holds the lock, as locks are meant to work.
    "STATUS_LOCK_NOT_GRANTED": _LOCKS,
    "STATUS_FILE_LOCK_CONFLICT": _LOCKS,
}

BENIGN: Final[dict[int, frozenset[Command]]] = {
    NUMBERS[name]: commands for name, commands in _BENIGN_BY_NAME.items()
}
"""Status -> the commands in whose responses it is no failure. Error rules leave these out unless
`track_codes` names them."""


def status_name(number: int) -> str:
    """`STATUS_ACCESS_DENIED` for 0xC0000022; `0xC00ABCDE` for one that is not in the table."""
    return NAMES.get(number, f"0x{number:08X}")
