"""The messages between the stages: types, frames, endpoints and sockets. All of it, and only here.

PUSH/PULL over ipc in the runtime folder. A message is one msgpack frame, tagged with its type. An
`Anomaly` is followed by a second frame, its records as they are, sent without a copy. A message is
a doorbell and a description; what must survive a crash lives in the event log and the spool.

No sender is trusted: each inbox takes the few types that are meant for it (`TAKES`), of a limited
size, from the users that the kernel names as senders; all else is counted and dropped."""

import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
import zmq
from msgspec import Meta, Struct

from aod.anomaly import MAX_EVIDENCE_BYTES, Anomaly
from aod.event import EVENT_DTYPE
from aod.files import FOLDER_MODE
from aod.text import Identifier, Natural, Positive, Text

STAGES: Final = ("collect", "detect", "capture", "cleanup")
QUEUED_MESSAGES: Final = 1024
AT_ONCE: Final = 1024
"""Messages that a receiver takes before it does something else: no sender can keep it busy."""

Context: TypeAlias = zmq.Context[zmq.Socket[bytes]]
Stage: TypeAlias = Annotated[str, Meta(pattern=rf"^({'|'.join(STAGES)})(?!\n)$")]

HealthState: TypeAlias = Literal["ready", "waiting", "impaired", "stopping", "failed"]
"""`waiting` (for what the note says), `impaired` (it cannot do its work, as the note says, and the
daemon is unhealthy), `stopping`, or `failed` (the last message before it ends)."""


class Batch(Struct, frozen=True, tag="batch", forbid_unknown_fields=True):
    """collect -> detect: records [start, start + count) of the event log are committed."""

    start: Natural
    count: Natural


class Sealed(Struct, frozen=True, tag="sealed", forbid_unknown_fields=True):
    """capture -> cleanup: a bundle was renamed into place."""

    timestamp: Positive
    path: Annotated[str, Meta(max_length=4096)]
    size_bytes: Natural


class OwnPids(Struct, frozen=True, tag="own_pids", forbid_unknown_fields=True):
    """capture -> collect: these processes collect evidence; their operations carry `OWN`."""

    pids: Annotated[tuple[Annotated[int, Meta(gt=0, lt=1 << 32)], ...], Meta(max_length=1024)]


class Suppressed(Struct, frozen=True, tag="suppressed", forbid_unknown_fields=True):
    """detect -> capture, for the audit log: an episode ended, which suppressed so many triggers.
    It may come twice where detect died."""

    name: Identifier
    timestamp: Positive
    """Of the declaration that the episode began with."""
    count: Positive


class Health(Struct, frozen=True, tag="health", forbid_unknown_fields=True):
    """Any stage -> supervisor, at least once a second: alive, and what it has counted so far.

    It goes over the worker's private channel (aod/stages/channel.py): a process that may write to
    the sockets here must not be able to report a hanging worker as healthy."""

    stage: Stage
    pid: Positive
    state: HealthState
    counters: Annotated[dict[Identifier, Natural], Meta(max_length=64)]
    note: Text = ""


Message: TypeAlias = Batch | Anomaly | Sealed | OwnPids | Suppressed


class WireError(Exception):
    """A message that none of our senders makes."""


class Intake(Struct, frozen=True):
    """What an inbox takes."""

    types: Any
    """A message type, or a union of them."""
    max_bytes: int
    """No frame is larger; ZeroMQ disconnects a peer that sends more (ZMQ_MAXMSGSIZE)."""
    root_only: bool = False
    """Only root and the receiver's own user may connect: no other user's stage sends to it."""
    queued: int = QUEUED_MESSAGES
    """Messages of one peer, on either side."""


TAKES: Final = {
    "collect": Intake(OwnPids, 1 << 14, root_only=True),
    "detect": Intake(Batch, 1 << 10, root_only=True),
    "capture": Intake(Anomaly | Suppressed, 1 << 20, queued=64),
    "cleanup": Intake(Sealed, 1 << 14, root_only=True),
}

_decoders: Final = {name: msgspec.msgpack.Decoder(intake.types) for name, intake in TAKES.items()}
UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError)
"""What msgspec raises for arbitrary bytes; deep nesting is found before the schema is applied."""


def endpoint(runtime_dir: Path, receiver: str) -> str:
    """The address of a stage's inbox."""
    return f"ipc://{socket_path(runtime_dir, receiver)}"


def socket_path(runtime_dir: Path, receiver: str) -> Path:
    """The file of an inbox, in its own folder: its user need not write to the runtime folder."""
    return runtime_dir / receiver / "sock"


def is_taken(runtime_dir: Path, receiver: str) -> bool:
    """Whether a living process listens there; the socket of a dead one refuses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        return probe.connect_ex(str(socket_path(runtime_dir, receiver))) == 0


def encode(message: Message) -> list[bytes]:
    """The frames of a message."""
    if not isinstance(message, Anomaly):
        return [msgspec.msgpack.encode(message)]
    head = msgspec.structs.replace(message, evidence=b"")
    return [msgspec.msgpack.encode(head), message.evidence]


def decode(frames: Sequence[bytes], receiver: str) -> Message:
    """The message to this receiver in these frames. Raises WireError: wrong number of frames, a
    type that it does not take, an unknown, missing or mistyped field, a number or a text that no
    sender of ours makes."""
    try:
        message: Message = _decoders[receiver].decode(frames[0])
    except UNDECODABLE as error:
        raise WireError(f"not a message: {error}") from error
    expected = 2 if isinstance(message, Anomaly) else 1
    if len(frames) != expected:
        raise WireError(f"{type(message).__name__} takes {expected} frame(s), got {len(frames)}")
    if not isinstance(message, Anomaly):
        return message
    if len(frames[1]) > MAX_EVIDENCE_BYTES or len(frames[1]) % EVENT_DTYPE.itemsize:
        raise WireError(f"{len(frames[1])} bytes of evidence")
    return msgspec.structs.replace(message, evidence=frames[1])


class Inbox:
    """A stage's PULL socket. Bound by its owner, so that any number of peers may come and go."""

    def __init__(self, context: Context, runtime_dir: Path, owner: str):
        self._owner, intake = owner, TAKES[owner]
        self.rejected = 0
        """Messages that were counted and dropped."""
        self.socket = context.socket(zmq.PULL)
        self.socket.set(zmq.RCVHWM, intake.queued)
        self.socket.set(zmq.MAXMSGSIZE, intake.max_bytes)
        if intake.root_only:
            for user in {0, os.geteuid()}:
                self.socket.set(zmq.IPC_FILTER_UID, user)
        path = socket_path(runtime_dir, owner)
        try:
            path.parent.mkdir(FOLDER_MODE, exist_ok=True)
            old_mask = os.umask(0o117)
            try:
                self.socket.bind(endpoint(runtime_dir, owner))
            finally:
                os.umask(old_mask)
            os.chown(path, -1, path.parent.stat().st_gid, follow_symlinks=False)
        except (zmq.ZMQError, OSError):
            self.close()
            raise

    def messages(self) -> Iterator[Message]:
        """Those that have come, at most `AT_ONCE`; what is not ours is counted and dropped."""
        for _ in range(AT_ONCE):
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            try:
                # One frame more than any of ours has: enough to refuse it.
                message = decode([frame.bytes for frame in frames[:3]], self._owner)
            except WireError:
                self.rejected += 1
            else:
                yield message

    def close(self) -> None:
        self.socket.close(linger=0)


class Outbox:
    """A PUSH socket to another stage's inbox; never blocks its owner.

    Where the queue is full, since the receiver is gone, a message is dropped and counted: what it
    announced can be found without it."""

    def __init__(
        self, context: Context, runtime_dir: Path, receiver: str, *, newest_only: bool = False
    ):
        """With `newest_only`, a message replaces one that was not received yet."""
        self.socket = context.socket(zmq.PUSH)
        self.socket.set(zmq.SNDHWM, TAKES[receiver].queued)
        self.socket.set(zmq.CONFLATE, newest_only)
        self.socket.set(zmq.LINGER, 200)  # ms
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
