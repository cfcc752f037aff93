"""What the audit log says: one record for each thing that the daemon did, a JSON object a line.

`what` names the kind, `time` is UTC; a field that does not apply is left out. aod-bundle(5) has an
example of each. `timestamp` is that of the anomaly, and so the name of its bundle.
"""

from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import Struct

from aod.anomaly import Anomaly


class _Record(Struct, frozen=True, tag_field="what", forbid_unknown_fields=True):
    """Base of all records."""

    time: datetime | None = None
    """When it was written; the log sets it."""


class Started(_Record, frozen=True, kw_only=True, tag="start"):
    """The daemon runs."""

    version: str
    config: str
    """The file's path; empty: the configuration came from elsewhere."""
    pid: int


class Stopped(_Record, frozen=True, kw_only=True, tag="stop"):
    """The daemon ended by itself. A start without a stop before it: it was killed, or the host."""

    reason: str
    exit: int


class Respawned(_Record, frozen=True, kw_only=True, tag="respawn"):
    """A worker ended that should not have, and is brought back."""

    stage: str
    how: str
    delay_sec: float


class StageFailed(_Record, frozen=True, kw_only=True, tag="stage_failed"):
    """A worker ended once too often; the daemon gives up."""

    stage: str
    how: str


class Reloaded(_Record, frozen=True, kw_only=True, tag="reload", omit_defaults=True):
    """The configuration was read again."""

    changed: dict[str, str]
    """By key: `old -> new`."""
    kept: tuple[str, ...] = ()
    """Keys that stay as they are until a restart."""


class ReloadRefused(_Record, frozen=True, kw_only=True, tag="reload_refused"):
    """The file cannot be used; the old configuration stays."""

    why: str


class Declared(_Record, frozen=True, kw_only=True, tag="declaration"):
    """An anomaly, as capture learnt of it."""

    timestamp: int
    anomaly: str
    name: str
    rule: str
    reason: str
    actions: tuple[str, ...]


class SuppressedTriggers(_Record, frozen=True, kw_only=True, tag="suppression"):
    """Triggers that were counted and not captured, in the episode that a declaration began."""

    timestamp: int
    name: str
    count: int


class CaptureBegun(_Record, frozen=True, kw_only=True, tag="capture_begun"):
    """Evidence is being collected."""

    timestamp: int


class CaptureSealed(_Record, frozen=True, kw_only=True, tag="capture_sealed", omit_defaults=True):
    """A bundle has its name."""

    timestamp: int
    bundle: str
    size_bytes: int
    duration_sec: float
    sources: dict[str, int]
    """How many ended with which status."""
    first_evidence_sec: float | None = None
    """From the trigger to the first evidence on disk."""


class CaptureFailed(_Record, frozen=True, kw_only=True, tag="capture_failed", omit_defaults=True):
    """No bundle, this time."""

    timestamp: int
    why: str
    attempt: int
    """1 is the first."""
    next_try_sec: float | None = None
    """How long until then; absent: it is set aside."""


class CaptureRefused(_Record, frozen=True, kw_only=True, tag="capture_refused"):
    """The anomaly gets no bundle: too many wait already."""

    timestamp: int
    why: str


class CaptureWaits(_Record, frozen=True, kw_only=True, tag="capture_waits"):
    """A capture is not begun now: the output folder cannot take a bundle. It will be later."""

    timestamp: int
    why: str


class CaptureInterrupted(_Record, frozen=True, kw_only=True, tag="capture_interrupted"):
    """A capture was ended in the middle; found by its successor, or ended by a stop."""

    timestamp: int
    why: str


class Deleted(_Record, frozen=True, kw_only=True, tag="deletion"):
    """A sealed bundle is gone."""

    bundle: str
    size_bytes: int
    reason: str


class Lost(_Record, frozen=True, kw_only=True, tag="loss"):
    """Something was lost, and how much since the last record of it."""

    lost: str
    count: int


class Conservation(_Record, frozen=True, kw_only=True, tag="conservation"):
    """A sum does not hold: something was lost that nobody counted, or counted twice."""

    sum: str
    command: str
    """Empty: of all."""
    left: int
    right: int
    by: int


Record: TypeAlias = (
    Started
    | Stopped
    | Respawned
    | StageFailed
    | Reloaded
    | ReloadRefused
    | Declared
    | SuppressedTriggers
    | CaptureBegun
    | CaptureSealed
    | CaptureFailed
    | CaptureRefused
    | CaptureWaits
    | CaptureInterrupted
    | Deleted
    | Lost
    | Conservation
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def declared(anomaly: Anomaly) -> Declared:
    """The record of an anomaly."""
    return Declared(
        timestamp=anomaly.timestamp,
        anomaly=anomaly.anomaly,
        name=anomaly.name,
        rule=anomaly.rule,
        reason=anomaly.reason,
        actions=anomaly.actions,
    )


def encode(record: Record, time: datetime) -> bytes:
    """A line, with its end."""
    return _encoder.encode(msgspec.structs.replace(record, time=time)) + b"\n"


def decode(line: bytes) -> Record:
    """The record in a line.

    Raises:
        msgspec.MsgspecError: it is none of ours.
    """
    return _decoder.decode(line)
