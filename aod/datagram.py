"""Datagrams to a daemon of this host that may be slow, or gone: never a wait, never an error."""

import socket
from typing import Final

_KIND: Final = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


def send(address: str, data: bytes) -> bool:
    """Send to a Unix socket (an abstract one begins with NUL); whether it was taken.

    A socket for each: workers are forked at any time, the receiver is started anew at any time.
    """
    try:
        with socket.socket(socket.AF_UNIX, _KIND) as sock:
            sock.sendto(data, address)
    except (OSError, ValueError):  # ValueError: no address at all
        return False
    return True
