"""A relay between the client and the server, which lets sessions expire as a server does.

The sessions of the guest's server never do: only tickets of Kerberos have an end. The relay passes
all on, byte for byte, but answers a request itself where a server would refuse it as its session
has expired (MS-SMB2 3.3.5.2.9). Guests do not sign."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aod.smb.commands import Command
from scripts.vm.guest import cifs
from scripts.vm.guest.shares import Share

PORT: Final = 4450
OPTIONS: Final = f"{cifs.UNCACHED},port={PORT}"
SESSION_EXPIRED: Final = 0xC000035C
LOGON_FAILURE: Final = 0xC000006D
# MS-SMB2 2.2.1.2: what the client asks with; ProtocolId, StructureSize, CreditCharge, Status,
# Command, CreditRequest, Flags, NextCommand, MessageId, Reserved, TreeId, SessionId, Signature.
_HEADER: Final = struct.Struct("<4sHHIHHIIQIIQ16s")
_MAGIC: Final = b"\xfeSMB"
_TO_CLIENT: Final = 1
# MS-SMB2 2.2.2, ERROR Response, with no data.
_ERROR: Final = struct.pack("<HBBIB", 9, 0, 0, 0, 0)
# MS-SMB2 3.3.5.2.9: these go on in a session that has expired.
_EXEMPT: Final = frozenset(
    {Command.SMB2_NEGOTIATE, Command.SMB2_SESSION_SETUP, Command.SMB2_LOGOFF, Command.SMB2_CLOSE}
)


class Relay:
    """Listens beside the server, at a port of its own, at a share's address.

    Attributes:
        refused: requests that were answered with SESSION_EXPIRED.
        refuses_logons: whether every logon is answered with LOGON_FAILURE from now on.
        is_silent: whether new connections are taken, and nothing is answered on them."""

    def __init__(self, share: Share):
        self.refused = 0
        self.refuses_logons = self.is_silent = False
        self._server = (share.address, 445)
        self._seen: set[int] = set()
        self._expired: set[int] = set()
        self._listener = socket.create_server((share.address, PORT))
        self._sockets = [self._listener]
        self._ignored: list[socket.socket] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def expire(self) -> None:
        """All sessions that there are have expired from now on."""
        self._expired |= self._seen

    def heal(self) -> None:
        """Answer again; connections that were left without an answer are cut."""
        self.refuses_logons = self.is_silent = False
        for client in self._ignored:
            _end(client)

    def close(self) -> None:
        for one in self._sockets:
            _end(one)
            one.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            if self.is_silent:
                self._ignored.append(client)
                continue
            server = socket.create_connection(self._server)
            self._sockets.append(server)
            for pump in (self._to_server, self._to_client):
                threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            for packet in _packets(client):
                answer = self._refusal(packet)
                if answer:
                    client.sendall(answer)
                else:
                    server.sendall(packet)
        _end(server)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            for packet in _packets(server):
                client.sendall(packet)
        _end(client)

    def _refusal(self, packet: bytes) -> bytes | None:
        """What this request is answered with, if not by the server."""
        header = packet[4:]
        if not header.startswith(_MAGIC) or len(header) < _HEADER.size:
            return None
        _, size, charge, _, command, credits_, flags, _, mid, reserved, tree, session, _ = (
            _HEADER.unpack_from(header)
        )
        self._seen.add(session)
        if command == Command.SMB2_SESSION_SETUP and self.refuses_logons:
            status = LOGON_FAILURE
        elif session in self._expired - {0} and command not in _EXEMPT:
            status = SESSION_EXPIRED
            self.refused += 1
        else:
            return None
        fields = (_MAGIC, size, charge, status, command, credits_, flags | _TO_CLIENT, 0)
        answer = _HEADER.pack(*fields, mid, reserved, tree, session, bytes(16)) + _ERROR
        return struct.pack(">I", len(answer)) + answer


@contextmanager
def relayed(share: Share) -> Iterator[Relay]:
    """A relay for the length of a block; what is mounted through it needs `OPTIONS`."""
    relay = Relay(share)
    try:
        yield relay
    finally:
        relay.close()


def _packets(source: socket.socket) -> Iterator[bytes]:
    """Whole packets with their length in front (MS-SMB2 2.1), until the source ends."""
    with source.makefile("rb") as stream:
        while len(head := stream.read(4)) == 4:
            body = stream.read(int.from_bytes(head, "big"))
            yield head + body


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
