"""What the records of a file suggest; `aod replay --suggest --json` prints it."""

from msgspec import Struct

from aod.detectors.latency import TrackedCommand


class CommandReport(Struct, frozen=True, kw_only=True):
    """One command."""

    command: str
    count: int
    """Finished operations."""
    p50_ns: int
    p99_ns: int
    p999_ns: int
    max_ns: int
    emergencies: int
    """Operations that the configuration declares at once, whatever the threshold."""
    anomalies: dict[str, int]
    """Threshold in ms -> how many it would have made for this command alone."""
    alone_ms: float | None
    """The lowest threshold that would have been silent for this command alone."""
    suggested_ms: float | None
    """The same, together with those of the other commands."""
    note: str
    """Why nothing is suggested, or what to think of it; may be empty."""


class StatusReport(Struct, frozen=True, kw_only=True):
    """Operations that failed with one NTSTATUS."""

    status: str
    count: int
    counted: int
    """By the error rule."""


class Suggestion(Struct, frozen=True, kw_only=True, tag="suggestion"):
    """All of it."""

    anomaly: str
    """The Latency anomaly whose counting was used, a key under `guardian.anomalies`."""
    acceptable_count: int
    window_sec: float
    cooldown_sec: float
    records: int
    finished: int
    in_flight: int
    never_answered: int
    connection_events: int
    commands: tuple[CommandReport, ...]
    """Most frequent first."""
    error_anomaly: str
    failed: int
    counted: int
    """Of the failed ones, by the rule of `error_anomaly`."""
    statuses: tuple[StatusReport, ...]
    """Most frequent first, ten at most."""
    track_commands: tuple[TrackedCommand, ...]
    """Of the anomaly, with what is suggested."""
