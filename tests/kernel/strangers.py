"""What a stranger may send to an inbox: nothing that it takes."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from aod.transport import wire
from tests.fuzz.messages import RECEIVERS, mutated, sample
from tests.fuzz.provider import Provider

GREETING: Final = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48)
"""ZMTP 3.1, without its end."""


def _frames(rng: random.Random, receiver: str) -> list[bytes]:
    """A message that is broken in one of many ways, or that is for somebody else."""
    head, *rest = wire.encode(sample(rng.choice([*RECEIVERS, receiver, receiver])))
    match rng.randrange(6):
        case 0:
            return [rng.randbytes(rng.randrange(200)) for _ in range(1 + rng.randrange(4))]
        case 1:
            head = head[: rng.randrange(len(head))]
        case 2:
            changed = bytearray(head)
            for _ in range(1 + rng.randrange(4)):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            head = bytes(changed)
        case 3:
            fields = mutated(msgspec.msgpack.decode(head), Provider(rng.randbytes(64)))
            head = msgspec.msgpack.encode(fields)
        case 4:
            rest = rest[1:] or [head] * rng.randrange(1, 5)
    return [head, *rest]


def refused(rng: random.Random, receiver: str, count: int) -> Iterator[list[bytes]]:
    """So many messages that the receiver's decoder refuses."""
    while count:
        frames = _frames(rng, receiver)
        try:
            wire.decode(frames, receiver)
        except wire.WireError:
            if max(map(len, frames)) <= wire.TAKES[receiver].max_bytes:
                count -= 1
                yield frames


def garbage(rng: random.Random) -> bytes:
    """Bytes for the socket itself: no ZMTP, or the beginning of it."""
    match rng.randrange(4):
        case 0:
            return rng.randbytes(rng.randrange(300))
        case 1:
            return GREETING[: rng.randrange(len(GREETING))]
        case 2:
            return GREETING + rng.randbytes(rng.randrange(100))
    return GREETING + b"\x06" + rng.randbytes(8) + bytes(200)  # a frame of any length


def connected(path: Path, first: bytes) -> socket.socket:
    """A connection to a socket's file on which these bytes were sent."""
    stranger = socket.socket(socket.AF_UNIX)
    stranger.connect(str(path))
    stranger.send(first)
    return stranger
