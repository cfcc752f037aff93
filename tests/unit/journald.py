"""A journald of the tests: a socket, and what an entry says by the protocol."""

import socket
import struct
from pathlib import Path


def listen(path: Path) -> socket.socket:
    """The socket that entries are sent to."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(path))
    made.settimeout(20)
    return made


def parse(data: bytes) -> list[tuple[str, bytes]]:
    """The fields of an entry, in order, as journald reads them: both forms of a value."""
    found = []
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if equals:
            found.append((name.decode(), value))
            data = rest
            continue
        (size,) = struct.unpack_from("<Q", rest)
        assert rest[8 + size : 9 + size] == b"\n"
        found.append((name.decode(), rest[8 : 8 + size]))
        data = rest[9 + size :]
    return found


def waiting(sock: socket.socket) -> list[dict[str, str]]:
    """Every entry that lies in the socket now."""
    entries = []
    sock.setblocking(False)
    while True:
        try:
            entries.append({name: value.decode() for name, value in parse(sock.recv(1 << 20))})
        except BlockingIOError:
            return entries
