"""What a detector declares: the anomaly, in the form that travels, is spooled and is sealed."""

from enum import StrEnum

from msgspec import Struct


class AnomalyType(StrEnum):
    """The kinds of anomaly; the value is what `type:` says in the configuration."""

    LATENCY = "Latency"
    ERROR = "Error"


class Rule(StrEnum):
    """Why an anomaly was declared."""

    COUNT = "count"
    """More than `acceptable_count` matches lay in one window."""
    EMERGENCY = "emergency"
    """One operation reached the emergency threshold, finished or still in flight."""
    MANUAL = "manual"
    """Nothing was declared: a person asked for a bundle."""


class Operation(Struct, frozen=True, forbid_unknown_fields=True):
    """One SMB operation in words, for people and JSON (the record itself is `aod.event`)."""

    command: str
    latency_ns: int
    end_ns: int
    session_id: int
    tree_id: int
    mid: int
    pid: int
    comm: str
    status: str
    """Name of the NTSTATUS; empty while it is in flight."""
    error: str
    in_flight: bool


class Anomaly(Struct, frozen=True, kw_only=True, tag="anomaly", forbid_unknown_fields=True):
    """A declared anomaly.

    `timestamp` is the identity: ns since the epoch, unique, and the name of the bundle
    (`aod_<timestamp>`). It is computed from the record that triggered, so a detector that is killed
    and declares again names the same anomaly, not a second one.
    """

    anomaly: AnomalyType
    timestamp: int
    name: str
    """The key under `guardian.anomalies`."""
    rule: Rule
    trigger_ns: int
    """`end_ns` of the triggering record, CLOCK_MONOTONIC."""
    window_ns: int
    count: int
    """Matching operations in the window that ends at the trigger."""
    acceptable_count: int
    suppressed: int
    """Triggers that were counted and not captured since the last declaration of this anomaly."""
    reason: str
    """One sentence for a person."""
    actions: tuple[str, ...]
    worst: tuple[Operation, ...]
    evidence: bytes = b""
    """The matching records (`aod.event.EVENT_DTYPE`), worst first; base64 in JSON."""
