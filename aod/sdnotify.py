"""sd_notify(3): tell systemd how the service is."""

import os
import socket
from contextlib import suppress


def notify(*assignments: str) -> None:
    """Send `NAME=value` lines; nothing where systemd did not ask for them, or does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_UNIX, kind) as sock, suppress(OSError):
        sock.sendto("\n".join(assignments).encode(), address)
