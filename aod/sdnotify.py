"""sd_notify(3): tell systemd how the service is."""

import os
import socket


def notify(*assignments: str) -> None:
    """Send `NAME=value` lines; nothing where systemd did not ask for them."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto("\n".join(assignments).encode(), address)
