"""What a detector declares: the anomaly, as it is sent, spooled and sealed."""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

from aod.text import Identifier, Natural, Positive, Text, Unsigned, Word, check_unsigned

MAX_LISTED: Final = 256
"""Entries of one list; real ones are far shorter."""
MAX_EVIDENCE_BYTES: Final = 1 << 16


class AnomalyType(StrEnum):
    """The built-in kinds of anomaly; the value is what `type:` says in the configuration."""

    LATENCY = "Latency"
    ERROR = "Error"
    CONNECTION = "Connection"


_SHORT: Final = Meta(max_length=MAX_LISTED)

Kind: TypeAlias = Identifier
"""An `AnomalyType`, or the type of a detector from another package."""


class Cause(StrEnum):
    """Why an anomaly was declared."""

    COUNT = "count"
    """More than `acceptable_count` matches were in one window."""
    EMERGENCY = "emergency"
    """One operation, finished or in flight, reached the emergency threshold."""
    MANUAL = "manual"
    """No detector declared it: a person requested a bundle."""


class Operation(Struct, frozen=True, forbid_unknown_fields=True):
    """One SMB operation or connection event, with names for numbers (`aod.event` is the record)."""

    command: Word
    latency_ns: Unsigned
    """0 for a connection event."""
    end_ns: Unsigned
    session_id: Unsigned
    """Of a connection event: the connection's id (for an expired session, the session's)."""
    tree_id: Unsigned
    mid: Unsigned
    pid: Unsigned
    comm: Word
    status: Word
    """Name of the NTSTATUS; empty while it is in flight, and if it stayed unanswered."""
    error: Word
    state: Word
    """`finished`, `in flight`, `never answered` or `event`."""
    share: Word
    """UNC of the tree, or the server of the connection; empty if unknown."""

    def __post_init__(self) -> None:
        numbers = (self.latency_ns, self.end_ns, self.session_id, self.tree_id, self.mid, self.pid)
        check_unsigned(*numbers)


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """How many matches have something in common."""

    what: Word
    count: Natural


Parts: TypeAlias = Annotated[tuple[Part, ...], _SHORT]


class Breakdown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the matches have in common, most frequent first, at most ten of each kind."""

    records: Natural
    """How many matches were examined: the last 1,024 of the window."""
    commands: Parts
    statuses: Parts
    sessions: Parts
    trees: Parts
    """By share name or, if unknown, by tree and session id."""
    tasks: Parts
    """`comm[pid]` of the tasks that started them."""


class Relation(Struct, frozen=True, forbid_unknown_fields=True):
    """Another anomaly of the same incident, with the bundle `aod_<timestamp>`."""

    timestamp: Positive
    anomaly: Kind
    name: Identifier


class Anomaly(Struct, frozen=True, kw_only=True, tag="anomaly", forbid_unknown_fields=True):
    """A declared anomaly.

    `timestamp` is its identity: ns since the epoch, unique, and the name of the bundle
    (`aod_<timestamp>`). It is derived from the triggering record, so that a detector that is killed
    and declares it again does not make a second one."""

    anomaly: Kind
    timestamp: Positive
    name: Identifier
    """The key under `guardian.anomalies`."""
    rule: Cause
    trigger_ns: Natural
    """`end_ns` of the triggering record, CLOCK_MONOTONIC."""
    window_ns: Natural
    count: Natural
    """Matches in the window that ends at the trigger; at most 2**20."""
    acceptable_count: Natural
    suppressed: Natural
    """Triggers suppressed since the last declaration of this anomaly."""
    reason: Text
    """One sentence for a person."""
    actions: Annotated[tuple[Identifier, ...], _SHORT]
    worst: Annotated[tuple[Operation, ...], _SHORT]
    breakdown: Breakdown
    ended: Annotated[tuple[Operation, ...], _SHORT] = ()
    """Operations reported as hung that have ended since the last declaration."""
    related: Annotated[tuple[Relation, ...], _SHORT] = ()
    """Other anomalies of this incident declared so far."""
    evidence: Annotated[bytes, Meta(max_length=MAX_EVIDENCE_BYTES)] = b""
    """The matches' records (`aod.event.EVENT_DTYPE`), worst first; base64 in JSON."""
