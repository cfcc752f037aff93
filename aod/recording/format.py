"""The format of a recording: `MAGIC`, then frames one after the other, each of which is whole.

A frame is a head of 16 bytes (kind, bytes stored, bytes unpacked, CRC-32 of these and of what is
stored) and a zstd frame. Nothing refers to what comes later, so a writer that is killed leaves a
file in which at most the last frame is cut. Frames hold the head of the recording, names, marks
(all three as JSON) or records."""

import struct
import zlib
from collections.abc import Container, Iterator
from enum import Enum
from typing import IO, Annotated, Final, NamedTuple, TypeAlias, TypeVar

import msgspec
import numpy as np
import zstandard
from msgspec import Meta, Struct

from aod.event import EVENT_DTYPE, Events
from aod.text import Natural

MAGIC: Final = b"AODREC1\n"
"""The digit is the version of the format."""
MAX_PLAIN: Final = 8 << 20
"""Bytes that a frame holds, unpacked; a reader needs no more memory than a few of these."""
MAX_STORED: Final = MAX_PLAIN + (MAX_PLAIN >> 8) + 64
"""Of what does not compress (ZSTD_COMPRESSBOUND)."""
LEVEL: Final = 1
"""zstd: of columns of records, level 3 saves 1 % and takes a third longer."""

_HEAD: Final = struct.Struct("<4sIII")
_SUMMED: Final = struct.Struct("<4sII")
"""What the checksum covers of it."""

MAX_RECORDS: Final = 16384
"""Records that a writer puts into one frame, 1 MiB unpacked."""
MAX_NS: Final = 1 << 62
"""No clock reaches a later time."""
RECORD_BYTES: Final = EVENT_DTYPE.itemsize

Nanoseconds: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_NS)]
Offset: TypeAlias = Annotated[int, Meta(ge=-MAX_NS, le=MAX_NS)]
S = TypeVar("S", bound=Struct)


class RecordingError(Exception):
    """A file that is no recording, or is damaged; the text says where, and what to do."""


class Kind(Enum):
    """What a frame holds."""

    HEAD = b"HEAD"
    NAMES = b"NAME"
    MARK = b"MARK"
    EVENTS = b"EVNT"


class Frame(NamedTuple):
    """A frame as it was read."""

    kind: Kind
    plain_bytes: int
    content: bytes
    """Unpacked; empty for a kind that was not asked for."""
    end: int
    """Where it ends in the file."""


_KINDS: Final = {kind.value: kind for kind in Kind}


def encode(kind: Kind, content: bytes) -> bytes:
    """A frame, as it lies in the file; `content` has at most `MAX_PLAIN` bytes."""
    stored = zstandard.ZstdCompressor(level=LEVEL).compress(content)
    head = _SUMMED.pack(kind.value, len(stored), len(content))
    return head + _checksum(head, stored) + stored


def _checksum(head: bytes, stored: bytes) -> bytes:
    return zlib.crc32(stored, zlib.crc32(head)).to_bytes(4, "little")


def read_frames(file: IO[bytes], size: int, wanted: Container[Kind]) -> Iterator[Frame]:
    """The frames of a file, from its beginning, up to where it is cut.

    Of other kinds than those `wanted` only the head is read. Raises RecordingError: what lies there
    is no frame."""
    at = len(MAGIC)
    while size - at >= _HEAD.size:
        file.seek(at)
        try:
            frame = _next_frame(file, size, wanted)
        except (RecordingError, zstandard.ZstdError) as error:
            raise RecordingError(f"damaged at byte {at}: {error}") from error
        if frame is None:
            return
        at = frame.end
        yield frame


def _next_frame(file: IO[bytes], size: int, wanted: Container[Kind]) -> Frame | None:
    """None: it is cut."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise RecordingError("the file became shorter")
    name, stored_bytes, plain_bytes, _ = _HEAD.unpack(head)
    if name not in _KINDS:
        raise RecordingError("no frame begins there")
    if stored_bytes > MAX_STORED or plain_bytes > MAX_PLAIN:
        raise RecordingError(f"a frame of {plain_bytes} bytes; allowed: {MAX_PLAIN}")
    kind, content, end = _KINDS[name], b"", file.tell() + stored_bytes
    if end > size:
        return None
    if kind in wanted:
        content = _unpacked(head, file.read(stored_bytes), plain_bytes)
    return Frame(kind, plain_bytes, content, end)


def _unpacked(head: bytes, stored: bytes, plain_bytes: int) -> bytes:
    if _checksum(head[: _SUMMED.size], stored) != head[_SUMMED.size :]:
        raise RecordingError("its checksum is wrong")
    if zstandard.get_frame_parameters(stored).content_size != plain_bytes:
        raise RecordingError("it has another size than it says")
    return zstandard.ZstdDecompressor().decompress(stored) if plain_bytes else b""


def layout() -> list[tuple[str, str]]:
    """Names and types of a record's fields, in their order."""
    return [(name, EVENT_DTYPE[name].str) for name in EVENT_DTYPE.names or ()]


class Head(Struct, frozen=True, kw_only=True):
    """The first frame."""

    program: str
    """Who wrote it: `aodv2 0.1.0`."""
    layout: list[tuple[str, str]]
    start_ns: Nanoseconds
    """CLOCK_MONOTONIC."""
    realtime_offset_ns: Offset
    """Add this to a record's time to get ns since the epoch."""
    host: str
    kernel: str
    config_file: str
    config: str
    """The text of that file."""


class Mark(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the recording is; written now and then, and at its end."""

    now_ns: Nanoseconds
    """CLOCK_MONOTONIC."""
    records: Natural = 0
    """Written so far."""
    in_flight: Natural = 0
    counters: dict[str, dict[str, Natural]] = {}
    """The kernel's, by command and name (ebpf/shared.h, aod_command_stats); none that is 0."""
    ended: bool = False
    """Whether nothing comes after it."""

    def total(self, counter: str) -> int:
        """A counter, summed over all commands."""
        return sum(one.get(counter, 0) for one in self.counters.values())

    @property
    def dropped(self) -> int:
        """Operations that are missing in the recording."""
        return self.total("dropped_ring_full") + self.total("dropped_inflight_full")


def unpack(content: bytes, kind: type[S], what: str) -> S:
    """The struct in a JSON text; `what` names it in the error.

    Raises RecordingError: it is something else."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RecordingError(f"its {what} is not understood: {error}") from error


def pack_records(events: Events) -> bytes:
    """Records, (n,), as columns, which compress far better: all first bytes, all second, ..."""
    rows = np.frombuffer(events.tobytes(), np.uint8).reshape(len(events), RECORD_BYTES)
    return rows.T.tobytes()


def unpack_records(content: bytes) -> Events:
    """Records, (n,), from their columns. Raises RecordingError: no whole number of records."""
    if len(content) % RECORD_BYTES:
        raise RecordingError(f"{len(content)} bytes are no whole number of records")
    columns = np.frombuffer(content, np.uint8).reshape(RECORD_BYTES, -1)
    rows = np.empty((columns.shape[1], RECORD_BYTES), np.uint8)
    for index, column in enumerate(columns):  # three times as fast as columns.T.copy()
        rows[:, index] = column
    events: Events = rows.reshape(-1).view(EVENT_DTYPE)
    return events
