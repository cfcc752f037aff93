"""sd_notify(3): tell systemd how the service is."""

import os

from aod import datagram


def notify(*assignments: str) -> None:
    """Send `NAME=value` lines; nothing where systemd did not ask for them, or does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    datagram.send(address, "\n".join(assignments).encode())
