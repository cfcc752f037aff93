"""What a detector declares: the anomaly, in the form that travels, is spooled and is sealed."""

from enum import StrEnum
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct


class AnomalyType(StrEnum):
    """The built-in kinds of anomaly; the value is what `type:` says in the configuration."""

    LATENCY = "Latency"
    ERROR = "Error"
    CONNECTION = "Connection"


Kind: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
"""An `AnomalyType`, or the type of another package."""


class Rule(StrEnum):
    """Why an anomaly was declared."""

    COUNT = "count"
    """More than `acceptable_count` matches lay in one window."""
    EMERGENCY = "emergency"
    """One operation reached the emergency threshold, finished or still in flight."""
    MANUAL = "manual"
    """Nothing was declared: a person asked for a bundle."""


class Operation(Struct, frozen=True, forbid_unknown_fields=True):
    """One SMB operation (or connection event) in words (the record itself is `aod.event`)."""

    command: str
    latency_ns: int
    """0 for a connection event."""
    end_ns: int
    session_id: int
    """Of a connection event: the connection's number (for an expired session, the session)."""
    tree_id: int
    mid: int
    pid: int
    comm: str
    status: str
    """Name of the NTSTATUS; empty while it is in flight, and when it was never answered."""
    error: str
    state: str
    """`finished`, `in flight`, `never answered` or `event`."""
    share: str
    """UNC of the tree, or the server of the connection; empty where the kernel did not tell."""


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the matches have something in common."""

    what: str
    count: int


class Breakdown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The matches by what they have in common, most frequent first, at most ten of each."""

    records: int
    """How many matches were looked at: the last 1,024 of the window."""
    commands: tuple[Part, ...]
    statuses: tuple[Part, ...]
    sessions: tuple[Part, ...]
    trees: tuple[Part, ...]
    """By share name; where the kernel did not tell it, by tree and session id."""
    tasks: tuple[Part, ...]
    """`comm[pid]` of those who started them."""


class Relation(Struct, frozen=True, forbid_unknown_fields=True):
    """Another anomaly of the same incident: its bundle is `aod_<timestamp>`."""

    timestamp: int
    anomaly: Kind
    name: str


class Anomaly(Struct, frozen=True, kw_only=True, tag="anomaly", forbid_unknown_fields=True):
    """A declared anomaly.

    `timestamp` is the identity: ns since the epoch, unique, and the name of the bundle
    (`aod_<timestamp>`). It is computed from the record that triggered, so a detector that is killed
    and declares again names the same anomaly, not a second one.
    """

    anomaly: Kind
    timestamp: int
    name: str
    """The key under `guardian.anomalies`."""
    rule: Rule
    trigger_ns: int
    """`end_ns` of the triggering record, CLOCK_MONOTONIC."""
    window_ns: int
    count: int
    """Matching operations in the window that ends at the trigger; 2**20 also for more."""
    acceptable_count: int
    suppressed: int
    """Triggers that were counted and not captured since the last declaration of this anomaly."""
    reason: str
    """One sentence for a person."""
    actions: tuple[str, ...]
    worst: tuple[Operation, ...]
    breakdown: Breakdown
    ended: tuple[Operation, ...] = ()
    """How operations ended that were told as hanging before: since the last declaration."""
    related: tuple[Relation, ...] = ()
    """Other anomalies of this incident that had been declared by then."""
    evidence: bytes = b""
    """The matching records (`aod.event.EVENT_DTYPE`), worst first; base64 in JSON."""
