"""What a detector declares: the anomaly, in the form that travels, is spooled and is sealed."""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

from aod.text import Identifier, Natural, Positive, Text, Unsigned, Word, check_unsigned

MAX_LISTED: Final = 256
"""Actions, operations, parts or relations in one list; there are far fewer."""
MAX_EVIDENCE_BYTES: Final = 1 << 16


class AnomalyType(StrEnum):
    """The built-in kinds of anomaly; the value is what `type:` says in the configuration."""

    LATENCY = "Latency"
    ERROR = "Error"
    CONNECTION = "Connection"


_SHORT: Final = Meta(max_length=MAX_LISTED)

Kind: TypeAlias = Identifier
"""An `AnomalyType`, or the type of another package."""


class Cause(StrEnum):
    """Why an anomaly was declared."""

    COUNT = "count"
    """More than `acceptable_count` matches lay in one window."""
    EMERGENCY = "emergency"
    """One operation reached the emergency threshold, finished or still in flight."""
    MANUAL = "manual"
    """Nothing was declared: a person asked for a bundle."""


class Operation(Struct, frozen=True, forbid_unknown_fields=True):
    """One SMB operation (or connection event) in words (the record itself is `aod.event`)."""

    command: Word
    latency_ns: Unsigned
    """0 for a connection event."""
    end_ns: Unsigned
    session_id: Unsigned
    """Of a connection event: the connection's number (for an expired session, the session)."""
    tree_id: Unsigned
    mid: Unsigned
    pid: Unsigned
    comm: Word
    status: Word
    """Name of the NTSTATUS; empty while it is in flight, and when it was never answered."""
    error: Word
    state: Word
    """`finished`, `in flight`, `never answered` or `event`."""
    share: Word
    """UNC of the tree, or the server of the connection; empty where the kernel did not tell."""

    def __post_init__(self) -> None:
        numbers = (self.latency_ns, self.end_ns, self.session_id, self.tree_id, self.mid, self.pid)
        check_unsigned(*numbers)


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the matches have something in common."""

    what: Word
    count: Natural


Parts: TypeAlias = Annotated[tuple[Part, ...], _SHORT]


class Breakdown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The matches by what they have in common, most frequent first, at most ten of each."""

    records: Natural
    """How many matches were looked at: the last 1,024 of the window."""
    commands: Parts
    statuses: Parts
    sessions: Parts
    trees: Parts
    """By share name; where the kernel did not tell it, by tree and session id."""
    tasks: Parts
    """`comm[pid]` of those who started them."""


class Relation(Struct, frozen=True, forbid_unknown_fields=True):
    """Another anomaly of the same incident: its bundle is `aod_<timestamp>`."""

    timestamp: Positive
    anomaly: Kind
    name: Identifier


class Anomaly(Struct, frozen=True, kw_only=True, tag="anomaly", forbid_unknown_fields=True):
    """A declared anomaly.

    `timestamp` is the identity: ns since the epoch, unique, and the name of the bundle
    (`aod_<timestamp>`). It is computed from the record that triggered, so a detector that is killed
    and declares again names the same anomaly, not a second one.
    """

    anomaly: Kind
    timestamp: Positive
    name: Identifier
    """The key under `guardian.anomalies`."""
    rule: Cause
    trigger_ns: Natural
    """`end_ns` of the triggering record, CLOCK_MONOTONIC."""
    window_ns: Natural
    count: Natural
    """Matching operations in the window that ends at the trigger; 2**20 also for more."""
    acceptable_count: Natural
    suppressed: Natural
    """Triggers that were counted and not captured since the last declaration of this anomaly."""
    reason: Text
    """One sentence for a person."""
    actions: Annotated[tuple[Identifier, ...], _SHORT]
    worst: Annotated[tuple[Operation, ...], _SHORT]
    breakdown: Breakdown
    ended: Annotated[tuple[Operation, ...], _SHORT] = ()
    """How operations ended that were told as hanging before: since the last declaration."""
    related: Annotated[tuple[Relation, ...], _SHORT] = ()
    """Other anomalies of this incident that had been declared by then."""
    evidence: Annotated[bytes, Meta(max_length=MAX_EVIDENCE_BYTES)] = b""
    """The matching records (`aod.event.EVENT_DTYPE`), worst first; base64 in JSON."""
