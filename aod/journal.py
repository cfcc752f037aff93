"""journald's native protocol: an entry is one datagram of fields.

https://systemd.io/JOURNAL_NATIVE_PROTOCOL. Every value is length-prefixed, so text of strangers is
never taken for another field, whatever is in it.
"""

import os
import re
import struct
import sys
from collections.abc import Mapping
from typing import Final

from aod import datagram

SOCKET: Final = "/run/systemd/journal/socket"
MAX_VALUE_BYTES: Final = 32 << 10
"""What is longer is cut: an entry has to fit into a datagram (net.core.wmem_default, 208 KiB)."""
MAX_FIELDS: Final = 16

# Only ours: nobody overrides PRIORITY, and names with a leading `_` are journald's.
_FIELD: Final = re.compile(r"AOD_[A-Z0-9_]{1,60}")
_CUT: Final = b" ... (cut)"


def is_stderr() -> bool:
    """systemd.exec(5): the variable names its stream, for children of another inherit it."""
    try:
        info = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{info.st_dev}:{info.st_ino}"


def entry(message: str, priority: int, fields: Mapping[str, object]) -> bytes:
    """An entry as it is sent; a field that is not named `AOD_...` is left out."""
    ours = [(name, fields[name]) for name in fields if _FIELD.fullmatch(name)][:MAX_FIELDS]
    standard = [("MESSAGE", message), ("PRIORITY", priority), ("SYSLOG_IDENTIFIER", "aod")]
    return b"".join(_field(name, value) for name, value in (*standard, *ours))


def _field(name: str, value: object) -> bytes:
    data = str(value).encode(errors="replace")
    if len(data) > MAX_VALUE_BYTES:
        data = data[: MAX_VALUE_BYTES - len(_CUT)] + _CUT
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"


def send(data: bytes) -> bool:
    """Hand an entry over; whether journald took it."""
    return datagram.send(SOCKET, data)
