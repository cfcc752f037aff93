"""systemd's two datagram interfaces: sd_notify(3), and journald's native protocol.

The receiver may be slow or gone; sending never waits and never raises. A journal entry is one
datagram of fields (https://systemd.io/JOURNAL_NATIVE_PROTOCOL). Every value is length-prefixed, so
foreign text in it cannot pose as another field."""

import os
import re
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

JOURNAL_SOCKET: Final = "/run/systemd/journal/socket"
MAX_VALUE_BYTES: Final = 32 << 10
"""Longer ones are cut: an entry has to fit into a datagram (net.core.wmem_default, 208 KiB)."""
MAX_FIELDS: Final = 16

# Nothing else: no caller overrides PRIORITY, and names with a leading `_` are journald's.
_FIELD: Final = re.compile(r"AOD_[A-Z0-9_]{1,60}")
_CUT: Final = b" ... (cut)"

_KIND: Final = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


def send_datagram(address: str, data: bytes) -> bool:
    """Send to a Unix socket (an abstract one begins with NUL); whether it was accepted. It opens a
    socket each time: workers may be forked and the receiver restarted in between."""
    with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, _KIND) as sock:
        sock.sendto(data, address)  # ValueError: not an address
        return True
    return False


def notify(*assignments: str) -> None:
    """Send `NAME=value` lines, if systemd asked for them."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        send_datagram(re.sub("^@", "\0", address), "\n".join(assignments).encode())


def stderr_is_journal() -> bool:
    """Whether stderr is the stream that JOURNAL_STREAM names (systemd.exec(5)); children inherit
    the variable, whatever their stderr is."""
    with suppress(OSError, ValueError):
        info = os.fstat(sys.stderr.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{info.st_dev}:{info.st_ino}"
    return False


def journal_entry(message: str, priority: int, fields: Mapping[str, object]) -> bytes:
    """An entry as it is sent; fields not named `AOD_...` are left out."""
    ours = [(name, fields[name]) for name in fields if _FIELD.fullmatch(name)][:MAX_FIELDS]
    standard = [("MESSAGE", message), ("PRIORITY", priority), ("SYSLOG_IDENTIFIER", "aod")]
    return b"".join(_field(name, value) for name, value in (*standard, *ours))


def _field(name: str, value: object) -> bytes:
    data = str(value).encode(errors="replace")
    if len(data) > MAX_VALUE_BYTES:
        data = data[: MAX_VALUE_BYTES - len(_CUT)] + _CUT
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"


def journal_send(message: str, priority: int, fields: Mapping[str, object]) -> bool:
    """Send an entry; whether journald accepted it."""
    return send_datagram(JOURNAL_SOCKET, journal_entry(message, priority, fields))
