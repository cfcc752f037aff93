"""The wire between the stages: endpoints, messages, frames and sockets. All of it, and only here.

PUSH/PULL over ipc in the runtime folder. A message is one msgpack frame, tagged with its type. An
`Anomaly` is followed by a second frame, its evidence: the records as they are, sent without a copy
and read with `np.frombuffer`. A message is a doorbell and a description; what must survive a crash
lives in the event log and the spool (README.md, "What survives what").
"""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import msgspec
import zmq
from msgspec import Meta, Struct

from aod.anomaly import Anomaly
from aod.files import FOLDER_MODE

STAGES: Final = ("collect", "detect", "capture", "cleanup")
SUPERVISOR: Final = "supervisor"
MAX_MESSAGE_BYTES: Final = 1 << 20
"""No frame is larger; a peer that sends more is disconnected by ZeroMQ (ZMQ_MAXMSGSIZE)."""
QUEUED_MESSAGES: Final = 1024
LINGER_MS: Final = 200


class Batch(Struct, frozen=True, tag="batch", forbid_unknown_fields=True):
    """collect -> detect: records [start, start + count) of the event log are there to read."""

    start: int
    count: int


class Sealed(Struct, frozen=True, tag="sealed", forbid_unknown_fields=True):
    """capture -> cleanup: a bundle was renamed into place."""

    timestamp: int
    path: str
    size_bytes: int


class OwnPids(Struct, frozen=True, tag="own_pids", forbid_unknown_fields=True):
    """capture -> collect: these processes take evidence; their operations carry `OWN`."""

    pids: tuple[Annotated[int, Meta(gt=0, lt=1 << 32)], ...]


class Suppressed(Struct, frozen=True, tag="suppressed", forbid_unknown_fields=True):
    """detect -> capture: an episode is over, and this is what it hid. For the audit log alone; may
    come twice where detect died."""

    name: Annotated[str, Meta(max_length=64)]
    timestamp: Annotated[int, Meta(gt=0)]
    """Of the declaration that began it."""
    count: Annotated[int, Meta(gt=0)]


class Health(Struct, frozen=True, tag="health", forbid_unknown_fields=True):
    """Any stage -> supervisor, at least once a second: alive, and what it has counted so far."""

    stage: str
    pid: int
    state: str
    """`ready`, `waiting` (for what `note` says) or `stopping`."""
    counters: dict[str, int]
    note: str = ""


class Stop(Struct, frozen=True, tag="stop", forbid_unknown_fields=True):
    """supervisor -> a stage: finish what you have, then exit 0."""

    reason: str


Message: TypeAlias = Batch | Anomaly | Sealed | OwnPids | Suppressed | Health | Stop


class WireError(Exception):
    """A message from the other side that is not one of ours."""


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError)
"""What msgspec raises for bytes of a stranger; deep nesting, too, is met before the schema."""


def endpoint(runtime_dir: Path, receiver: str) -> str:
    """The address of a stage's (or the supervisor's) inbox."""
    return f"ipc://{socket_path(runtime_dir, receiver)}"


def socket_path(runtime_dir: Path, receiver: str) -> Path:
    """The file of an inbox, in a folder of the one that the receiver runs as: to bind it, to remove
    it, nobody needs to write to the runtime folder."""
    return runtime_dir / receiver / "sock"


def is_taken(runtime_dir: Path, receiver: str) -> bool:
    """Whether a living process listens there; the socket of a dead one does not answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        return probe.connect_ex(str(socket_path(runtime_dir, receiver))) == 0


def encode(message: Message) -> list[bytes]:
    """The frames of a message."""
    if isinstance(message, Anomaly):
        head = msgspec.structs.replace(message, evidence=b"")
        return [_encoder.encode(head), message.evidence]
    return [_encoder.encode(message)]


def decode(frames: Sequence[bytes]) -> Message:
    """The message in these frames.

    Raises:
        WireError: wrong number of frames, unknown type, unknown or missing or mistyped field.
    """
    try:
        message = _decoder.decode(frames[0])
    except _UNDECODABLE as error:
        raise WireError(f"not a message: {error}") from error
    expected = 2 if isinstance(message, Anomaly) else 1
    if len(frames) != expected:
        raise WireError(f"{type(message).__name__} takes {expected} frame(s), got {len(frames)}")
    if isinstance(message, Anomaly):
        return msgspec.structs.replace(message, evidence=frames[1])
    return message


class Inbox:
    """A stage's PULL socket. Bound by its owner, so that any number of peers may come and go."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], runtime_dir: Path, owner: str):
        path = socket_path(runtime_dir, owner)
        path.parent.mkdir(FOLDER_MODE, exist_ok=True)
        self.socket = context.socket(zmq.PULL)
        self.socket.set(zmq.RCVHWM, QUEUED_MESSAGES)
        self.socket.set(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        self.rejected = 0
        old_mask = os.umask(0o117)
        try:
            self.socket.bind(endpoint(runtime_dir, owner))
            os.chown(path, -1, path.parent.stat().st_gid, follow_symlinks=False)
        except (zmq.ZMQError, OSError):
            self.close()
            raise
        finally:
            os.umask(old_mask)

    def receive(self) -> Message | None:
        """The next message that is here, or None; what is not ours is counted and dropped."""
        while True:
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return None
            try:
                return decode(frames)
            except WireError:
                self.rejected += 1

    def close(self) -> None:
        self.socket.close(linger=0)


class Outbox:
    """A PUSH socket to another stage's inbox; never blocks its owner.

    Where the receiver is gone and its queue is full, a message is not sent and counted: it was a
    doorbell, and the receiver reads the truth when it is back.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        runtime_dir: Path,
        receiver: str,
        *,
        newest_only: bool = False,
    ):
        """With `newest_only`, a message takes the place of one that was not received yet."""
        self.socket = context.socket(zmq.PUSH)
        self.socket.set(zmq.SNDHWM, QUEUED_MESSAGES)
        self.socket.set(zmq.CONFLATE, newest_only)
        self.socket.set(zmq.LINGER, LINGER_MS)
        self.unsent = 0
        self.socket.connect(endpoint(runtime_dir, receiver))

    def send(self, message: Message) -> bool:
        """Whether the message was queued."""
        try:
            self.socket.send_multipart(encode(message), zmq.NOBLOCK, copy=False)
        except zmq.Again:
            self.unsent += 1
            return False
        return True

    def close(self) -> None:
        self.socket.close()
