"""What the frames of a recording hold, as bytes: the head, names, marks, records."""

from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
import numpy as np
from msgspec import Meta, Struct

from aod.event import EVENT_DTYPE, Events
from aod.recording.frames import RecordingError
from aod.text import Natural

MAX_RECORDS: Final = 16384
"""Records that a writer puts into one frame, 1 MiB unpacked."""
MAX_NS: Final = 1 << 62
"""No clock reaches a later time."""
RECORD_BYTES: Final = EVENT_DTYPE.itemsize

Nanoseconds: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_NS)]
Offset: TypeAlias = Annotated[int, Meta(ge=-MAX_NS, le=MAX_NS)]
S = TypeVar("S", bound=Struct)


def layout() -> list[tuple[str, str]]:
    """Names and types of a record's fields, in their order."""
    return [(name, EVENT_DTYPE[name].str) for name in EVENT_DTYPE.names or ()]


class Head(Struct, frozen=True, kw_only=True):
    """The first frame."""

    program: str
    """Who wrote it: `aodv2 0.1.0`."""
    layout: list[tuple[str, str]]
    """Of a record."""
    start_ns: Nanoseconds
    """CLOCK_MONOTONIC."""
    realtime_offset_ns: Offset
    """Add this to a record's time to get ns since the epoch."""
    host: str
    kernel: str
    config_file: str
    """Its path."""
    config: str
    """Its text."""


class Mark(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the recording is; written now and then, and at its end."""

    now_ns: Nanoseconds
    """CLOCK_MONOTONIC."""
    records: Natural = 0
    """Written so far."""
    in_flight: Natural = 0
    counters: dict[str, dict[str, Natural]] = {}
    """The kernel's, by command and name (ebpf/shared.h, struct aod_command_stats); none that is
    0."""
    ended: bool = False
    """Whether nothing comes after it."""

    def total(self, counter: str) -> int:
        """A counter, summed over all commands."""
        return sum(one.get(counter, 0) for one in self.counters.values())

    @property
    def dropped(self) -> int:
        """Operations that are missing in the recording."""
        return self.total("dropped_ring_full") + self.total("dropped_inflight_full")


def pack(content: Struct) -> bytes:
    """As JSON."""
    return msgspec.json.encode(content)


def unpack(content: bytes, kind: type[S], what: str) -> S:
    """The struct in a JSON text; `what` names it in the error.

    Raises:
        RecordingError: it is something else.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RecordingError(f"its {what} is not understood: {error}") from error


def pack_records(events: Events) -> bytes:
    """Records, (n,), as columns: the first byte of each, then the second ... Compresses far
    better."""
    rows = np.frombuffer(events.tobytes(), np.uint8).reshape(len(events), RECORD_BYTES)
    return rows.T.tobytes()


def unpack_records(content: bytes) -> Events:
    """Records, (n,), from their columns.

    Raises:
        RecordingError: no whole number of records.
    """
    if len(content) % RECORD_BYTES:
        raise RecordingError(f"{len(content)} bytes are no whole number of records")
    columns = np.frombuffer(content, np.uint8).reshape(RECORD_BYTES, -1)
    rows = np.empty((columns.shape[1], RECORD_BYTES), np.uint8)
    for index, column in enumerate(columns):  # three times as fast as columns.T.copy()
        rows[:, index] = column
    events: Events = rows.reshape(-1).view(EVENT_DTYPE)
    return events
