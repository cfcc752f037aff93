"""The private line between the supervisor and one life of one worker: a pair of sockets.

Heartbeats come over it, and configurations go. Not over ZeroMQ, whose sockets are open to the user
`aod`: a detect that was taken over could beat for others, or hand them a configuration. What comes
over a line is said by the one process that inherited its other end.

Neither side ever waits for the other. A configuration is pickled, in a sealed file in memory; what
a worker says is never unpickled, but decoded strictly. Before a stop comes how long it may take.
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

from aod import text as bounded
from aod.config.schema import Config
from aod.files import memory_file
from aod.transport.wire import UNDECODABLE, Health

MAX_HEALTH_BYTES: Final = 1 << 15
MAX_HEARD: Final = 64
"""Messages of a worker that are read at once: one that floods its line must not hold up others."""
ORPHANED: Final = 1
"""Exit status of a worker whose supervisor is gone."""
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK

_FD: Final = struct.Struct("i")
_TIME: Final = struct.Struct("d")

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Health)


class WorkerEnd:
    """The worker's end."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self.stop_within_sec: float | None = None
        """How long the stop may take that is coming, as told when `new_config` was called last."""

    def fileno(self) -> int:
        """Readable when there is a configuration."""
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def tell(self, health: Health) -> None:
        """Say how it is; one that nobody reads in time is lost."""
        message = replace(health, note=bounded.text(health.note))
        with suppress(OSError):
            self._socket.send(_encoder.encode(message))

    def new_config(self) -> Config | None:
        """The newest configuration that came, None where none did.

        Where the supervisor is gone, this process ends: it must not outlive it, nor clear up as if
        it had been told to stop.
        """
        newest = None
        with suppress(BlockingIOError):
            while True:
                newest = self._next() or newest
        return newest

    def _next(self) -> Config | None:
        # Not socket.recv_fds: in Python 3.11 it forgets its flags.
        size = socket.CMSG_LEN(_FD.size)
        message, rights, _, _ = self._socket.recvmsg(_TIME.size, size, socket.MSG_CMSG_CLOEXEC)
        if not message:
            os._exit(ORPHANED)
        if not rights:
            self.stop_within_sec = _TIME.unpack(message)[0]
            return None
        return _unpacked(_FD.unpack(rights[0][2])[0])


class SupervisorEnd:
    """The supervisor's end."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._offered: Config | None = None
        self.is_open = True
        """Whether the worker may still say something."""
        self.rejected = 0
        """Messages that were none of ours."""

    @classmethod
    def pair(cls) -> tuple[Self, WorkerEnd]:
        """A new line.

        Raises:
            OSError: there are no descriptors left.
        """
        kind = socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        return cls(ours), WorkerEnd(theirs)

    def fileno(self) -> int:
        """Readable when the worker said something, or ended."""
        return self._socket.fileno()

    def hear(self) -> list[Health]:
        """What the worker said, oldest first, `MAX_HEARD` at most."""
        heard = []
        for _ in range(MAX_HEARD):
            try:
                message = self._socket.recv(MAX_HEALTH_BYTES)
            except BlockingIOError:
                break
            except OSError:
                message = b""
            if not message:
                self.is_open = False
                break
            heard += self._decoded(message)
        return heard

    def _decoded(self, message: bytes) -> list[Health]:
        try:
            return [_decoder.decode(message)]
        except UNDECODABLE:
            self.rejected += 1
            return []

    def offer(self, config: Config) -> None:
        """Hand over a configuration, now or as soon as there is room for it."""
        self._offered = config
        self.flush()

    def flush(self) -> None:
        """Hand over what is on offer; a worker that does not read gets the newest later."""
        if self._offered is None:
            return
        fd = _packed(self._offered)
        try:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, _FD.pack(fd))
            self._socket.sendmsg([b"c"], [rights])
        except BlockingIOError:
            return
        except OSError:  # it has ended; its successor is born with the new one
            pass
        finally:
            os.close(fd)
        self._offered = None

    def stop_within(self, seconds: float) -> None:
        """Say how long the stop may take; the signal comes after it."""
        with suppress(OSError):
            self._socket.send(_TIME.pack(seconds))

    def close(self) -> None:
        self._socket.close()


def _packed(config: Config) -> int:
    """A descriptor of a file that nobody can change any more."""
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
