"""systemd's two datagram interfaces: sd_notify(3), and journald's native protocol.

A datagram to a daemon that may be slow or gone: never a wait, never an error. A journal entry is
one datagram of fields (https://systemd.io/JOURNAL_NATIVE_PROTOCOL). Every value is
length-prefixed, so foreign text is never taken for another field, whatever is in it.
"""

import os
import re
import socket
import struct
import sys
from collections.abc import Mapping
from typing import Final

JOURNAL_SOCKET: Final = "/run/systemd/journal/socket"
MAX_VALUE_BYTES: Final = 32 << 10
"""What is longer is cut: an entry has to fit into a datagram (net.core.wmem_default, 208 KiB)."""
MAX_FIELDS: Final = 16

# Only ours: nobody overrides PRIORITY, and names with a leading `_` are journald's.
_FIELD: Final = re.compile(r"AOD_[A-Z0-9_]{1,60}")
_CUT: Final = b" ... (cut)"

_KIND: Final = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


def send_datagram(address: str, data: bytes) -> bool:
    """Send to a Unix socket (an abstract one begins with NUL); whether it was taken.

    A socket for each: workers are forked at any time, the receiver is started anew at any time.
    """
    try:
        with socket.socket(socket.AF_UNIX, _KIND) as sock:
            sock.sendto(data, address)
    except (OSError, ValueError):  # ValueError: no address at all
        return False
    return True


def notify(*assignments: str) -> None:
    """Send `NAME=value` lines; nothing where systemd did not ask for them, or does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    send_datagram(address, "\n".join(assignments).encode())


def stderr_is_journal() -> bool:
    """systemd.exec(5): the variable names its stream, for children of another inherit it."""
    try:
        info = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{info.st_dev}:{info.st_ino}"


def journal_entry(message: str, priority: int, fields: Mapping[str, object]) -> bytes:
    """An entry as it is sent; a field that is not named `AOD_...` is left out."""
    ours = [(name, fields[name]) for name in fields if _FIELD.fullmatch(name)][:MAX_FIELDS]
    standard = [("MESSAGE", message), ("PRIORITY", priority), ("SYSLOG_IDENTIFIER", "aod")]
    return b"".join(_field(name, value) for name, value in (*standard, *ours))


def _field(name: str, value: object) -> bytes:
    data = str(value).encode(errors="replace")
    if len(data) > MAX_VALUE_BYTES:
        data = data[: MAX_VALUE_BYTES - len(_CUT)] + _CUT
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"


def journal_send(data: bytes) -> bool:
    """Hand an entry over; whether journald took it."""
    return send_datagram(JOURNAL_SOCKET, data)
