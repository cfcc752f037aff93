"""The private channel between the supervisor and one worker: a pair of sockets.

Heartbeats go one way, configurations the other. Not over ZeroMQ, whose sockets are open to user
`aod`: a detect that was taken over could send heartbeats for others, or hand them a configuration.
What arrives over a channel comes from the one process that inherited its other end.

Neither side ever waits for the other. A configuration is pickled, in a sealed file in memory; what
a worker sends is never unpickled, but decoded strictly. A number says how long a shutdown may take.
"""

import fcntl
import os
import pickle
import socket
import struct
from contextlib import suppress
from typing import Final, Self

import msgspec
from msgspec.structs import replace

from aod import text
from aod.config.schema import Config
from aod.files import memory_file
from aod.transport.wire import UNDECODABLE, Health

MAX_HEALTH_BYTES: Final = 1 << 15
MAX_RECEIVED: Final = 64
"""Messages of a worker that are read at once: one that floods its channel must not delay others."""
ORPHANED: Final = 1
"""Exit status of a worker whose supervisor is gone."""
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK

_FD: Final = struct.Struct("i")
_TIME: Final = struct.Struct("d")

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Health)


class _End:
    """One end of a channel; its socket never blocks."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def fileno(self) -> int:
        """Readable when the other side sent something, or closed its end."""
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


class WorkerEnd(_End):
    """The worker's end of the channel.

    Attributes:
        stop_within_sec: how long the shutdown may take; known when `new_config` was called after it
            came."""

    stop_within_sec: float | None = None

    def send(self, health: Health) -> None:
        """Send a heartbeat; it is lost where the socket is full."""
        message = replace(health, note=text.text(health.note))
        with suppress(OSError):
            self._socket.send(_encoder.encode(message))

    def new_config(self) -> Config | None:
        """The newest configuration that came since the last call, if any.

        Where the supervisor is gone, this process exits at once: it must neither outlive it nor
        clean up as in a shutdown."""
        newest = None
        size = socket.CMSG_LEN(_FD.size)
        while True:
            try:  # not socket.recv_fds: in Python 3.11 it forgets its flags
                message, rights, *_ = self._socket.recvmsg(
                    _TIME.size, size, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return newest
            if not message:
                os._exit(ORPHANED)
            if rights:
                newest = _unpacked(_FD.unpack(rights[0][2])[0])
            else:
                self.stop_within_sec = _TIME.unpack(message)[0]


class SupervisorEnd(_End):
    """The supervisor's end of the channel.

    Attributes:
        is_open: False when the worker has closed its end.
        rejected: messages that could not be decoded."""

    is_open = True
    rejected = 0
    _offered: Config | None = None

    @classmethod
    def pair(cls) -> tuple[Self, WorkerEnd]:
        """Both ends of a new channel. Raises OSError: there are no descriptors left."""
        kind = socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        return cls(ours), WorkerEnd(theirs)

    def receive(self) -> list[Health]:
        """The worker's messages, oldest first, `MAX_RECEIVED` at most."""
        received = []
        for _ in range(MAX_RECEIVED):
            try:
                message = self._socket.recv(MAX_HEALTH_BYTES)
            except BlockingIOError:
                break
            except OSError:
                message = b""
            if not message:
                self.is_open = False
                break
            try:
                received.append(_decoder.decode(message))
            except UNDECODABLE:
                self.rejected += 1
        return received

    def offer(self, config: Config) -> None:
        """Send a configuration, now or as soon as there is room for it."""
        self._offered = config
        self.flush()

    def flush(self) -> None:
        """Send what is on offer; a worker that does not read gets the newest later."""
        if self._offered is None:
            return
        fd = _packed(self._offered)
        try:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, _FD.pack(fd))
            self._socket.sendmsg([b"c"], [rights])
        except BlockingIOError:
            return
        except OSError:  # it has ended; a respawn gets the new one
            pass
        finally:
            os.close(fd)
        self._offered = None

    def stop_within(self, seconds: float) -> None:
        """Send how long the shutdown may take; SIGTERM follows."""
        with suppress(OSError):
            self._socket.send(_TIME.pack(seconds))


def _packed(config: Config) -> int:
    """A descriptor of a file that cannot be changed any more."""
    fd = memory_file("aod-config", os.MFD_ALLOW_SEALING)
    with os.fdopen(os.dup(fd), "wb") as file:
        pickle.dump(config, file)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    return fd


def _unpacked(fd: int) -> Config:
    with os.fdopen(fd, "rb") as file:
        file.seek(0)
        config: Config = pickle.load(file)  # noqa: S301 (from the supervisor alone)
    return config
