"""The manifest: what a bundle holds, how each part was got, and what is missing. The one schema.

Every key is always there; `null` or an empty string where there is nothing to report. Times are UTC
in ISO 8601, except `*_ns`: CLOCK_MONOTONIC, as in the records."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

import aod
from aod.actions.result import Mount, Source
from aod.anomaly import Anomaly, Cause, Kind, Relation
from aod.conservation.violation import Violation
from aod.text import utc_now

FILE: Final = "manifest.json"
SCHEMA_VERSION: Final = 3


class CifsModule(Struct, frozen=True, forbid_unknown_fields=True):
    """The client in the kernel."""

    loaded: bool
    version: str


class Identity(Struct, frozen=True, forbid_unknown_fields=True):
    """Which anomaly the bundle is about; the rest is in anomaly.json."""

    anomaly: Kind
    timestamp: int
    name: str
    rule: Cause


class Events(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operations in events.npy."""

    file: str
    records: int
    before_trigger: int
    """Of these, how many ended before the trigger."""
    first_end_ns: int | None
    last_end_ns: int | None
    trigger_ns: int
    note: str


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the bundle."""

    name: str
    bytes: int
    sha256: str
    about: str
    """What it is and how to read it, in a sentence."""


class Replaced(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of names that redaction replaced; the replacements are not recorded."""

    kind: str
    names: int
    """How many different ones there were."""


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """manifest.json."""

    schema_version: int = SCHEMA_VERSION
    aod_version: str = aod.__version__
    created: str
    host: str
    kernel: str
    cifs: CifsModule
    mounts: tuple[Mount, ...]
    anomaly: Identity
    related: tuple[Relation, ...]
    """Other anomalies of the same incident, each with a bundle of its own."""
    events: Events
    sources: tuple[Source, ...]
    losses: dict[str, int]
    """Counters of what was lost on the way, as they stood when the bundle was made."""
    conservation: tuple[Violation, ...] = ()
    """Sums of the daemon's own that did not hold: something is missing here that nobody counted."""
    interrupted: int = 0
    """How often a maker of this bundle died, and another went on."""
    note: str = ""
    """What is missing from the whole bundle, and why."""
    redacted: tuple[Replaced, ...] = ()
    """Empty: nothing was replaced."""
    files: tuple[File, ...] = ()
    """All but this one."""


def describe(
    anomaly: Anomaly,
    events: Events,
    mounts: tuple[Mount, ...],
    sources: tuple[Source, ...],
    losses: Mapping[str, int],
) -> Manifest:
    """The manifest of a bundle made here and now."""
    return Manifest(
        created=utc_now(),
        host=socket.gethostname(),
        kernel=os.uname().release,
        cifs=cifs_module(),
        mounts=tuple(
            Mount(*(os.fsencode(field).decode(errors="replace") for field in astuple(mount)))
            for mount in mounts  # JSON is UTF-8; a path need not be
        ),
        anomaly=Identity(anomaly.anomaly, anomaly.timestamp, anomaly.name, anomaly.rule),
        related=anomaly.related,
        events=events,
        sources=sources,
        losses=dict(losses),
    )


def cifs_module(folder: Path = Path("/sys/module/cifs")) -> CifsModule:
    """The cifs module as sysfs shows it; a kernel with cifs built in has the folder too."""
    version = ""
    with suppress(OSError):
        version = (folder / "version").read_text().strip()
    return CifsModule(loaded=folder.is_dir(), version=version)


def encode(manifest: Manifest) -> bytes:
    """The text of manifest.json."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(content: bytes) -> Manifest:
    """The manifest in a manifest.json.

    Raises msgspec.DecodeError: it is not one, or of another schema."""
    return msgspec.json.decode(content, type=Manifest)
