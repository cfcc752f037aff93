"""The entries of the audit log: one for each thing that the daemon did, a JSON object a line.

`what` names the kind, `time` is UTC; a field that does not apply is left out. aod-bundle(5) has an
example of each. `timestamp` is that of the anomaly, and so the name of its bundle."""

import functools
import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from aod.anomaly import Anomaly


class Entry(Struct, frozen=True, tag_field="what", forbid_unknown_fields=True):
    """Base of all kinds."""

    time: datetime | None = None
    """When it was written; set by `encode`."""


class Started(Entry, frozen=True, kw_only=True, tag="start"):
    """The daemon starts."""

    version: str
    config: str
    """The path of the file; empty: there is none."""
    pid: int


class Stopped(Entry, frozen=True, kw_only=True, tag="stop"):
    """The daemon shut down. A start without a stop before it: it was killed, or the host was."""

    reason: str
    exit: int


class Respawned(Entry, frozen=True, kw_only=True, tag="respawn"):
    """A worker ended unexpectedly, and is respawned."""

    stage: str
    how: str
    delay_sec: float


class StageFailed(Entry, frozen=True, kw_only=True, tag="stage_failed"):
    """A worker ended once too often; the daemon gives up."""

    stage: str
    how: str


class Reloaded(Entry, frozen=True, kw_only=True, tag="reload", omit_defaults=True):
    """The configuration was read again."""

    changed: dict[str, str]
    """By key: `old -> new`."""
    kept: tuple[str, ...] = ()
    """Keys whose change requires a restart."""


class ReloadRefused(Entry, frozen=True, kw_only=True, tag="reload_refused"):
    """The file cannot be used; the old configuration stays."""

    why: str


class Declared(Entry, frozen=True, kw_only=True, tag="declaration"):
    """An anomaly that capture received."""

    timestamp: int
    anomaly: str
    name: str
    rule: str
    reason: str
    actions: tuple[str, ...]


class SuppressedTriggers(Entry, frozen=True, kw_only=True, tag="suppression"):
    """Triggers that were suppressed in the episode that a declaration began."""

    timestamp: int
    name: str
    count: int


class CaptureBegun(Entry, frozen=True, kw_only=True, tag="capture_begun"):
    """Evidence is being collected."""

    timestamp: int


class CaptureSealed(Entry, frozen=True, kw_only=True, tag="capture_sealed", omit_defaults=True):
    """A bundle is complete and has its final name."""

    timestamp: int
    bundle: str
    size_bytes: int
    duration_sec: float
    sources: dict[str, int]
    """By status: how many ended with it."""
    first_evidence_sec: float | None = None
    """From the trigger to the first evidence on disk."""


class CaptureFailed(Entry, frozen=True, kw_only=True, tag="capture_failed", omit_defaults=True):
    """An attempt at a bundle failed."""

    timestamp: int
    why: str
    attempt: int
    """1 is the first."""
    next_try_sec: float | None = None
    """Until the next attempt; absent: it failed permanently."""


class CaptureRefused(Entry, frozen=True, kw_only=True, tag="capture_refused"):
    """The anomaly gets no bundle: too many wait already."""

    timestamp: int
    why: str


class CaptureWaits(Entry, frozen=True, kw_only=True, tag="capture_waits"):
    """A capture is postponed: the output folder cannot take a bundle now."""

    timestamp: int
    why: str


class CaptureInterrupted(Entry, frozen=True, kw_only=True, tag="capture_interrupted"):
    """A capture was cut short by a shutdown, or by a death that the next capture found."""

    timestamp: int
    why: str


class Deleted(Entry, frozen=True, kw_only=True, tag="deletion"):
    """A sealed bundle was deleted."""

    bundle: str
    size_bytes: int
    reason: str


class Lost(Entry, frozen=True, kw_only=True, tag="loss"):
    """Something was lost; `count` is since the last such entry."""

    lost: str
    count: int


class Conservation(Entry, frozen=True, kw_only=True, tag="conservation"):
    """A sum does not hold: something was lost that nobody counted, or counted twice."""

    sum: str
    command: str
    """Empty: of all commands."""
    left: int
    right: int
    by: int


def declared(anomaly: Anomaly) -> Declared:
    """The entry of an anomaly: its fields of the same names."""
    return msgspec.convert(anomaly, Declared, from_attributes=True)


def encode(entry: Entry, time: datetime) -> bytes:
    """An entry as a line, with its end."""
    return msgspec.json.encode(msgspec.structs.replace(entry, time=time)) + b"\n"


_KINDS: Any = functools.reduce(operator.or_, Entry.__subclasses__())
decode: Final[Callable[[bytes], Entry]] = msgspec.json.Decoder(_KINDS).decode
"""The entry in a line. Raises msgspec.MsgspecError: it is none."""
