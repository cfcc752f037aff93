"""The configuration: its schema, its bounds and its defaults. No default lives anywhere else.

The keys are those of the YAML file. Files are read by `aod.config_file`, which also checks what a
schema cannot say; what the rules come to is in `aod.rules`.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

DAY_SEC: Final = 86_400

Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=DAY_SEC)]
Milliseconds: TypeAlias = Annotated[float, Meta(gt=0, le=DAY_SEC * 1000)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=1_000_000_000)]
AnomalyName: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64, min_length=1)
]


class ActionName(StrEnum):
    """What can be collected for a bundle."""

    DMESG = "dmesg"
    JOURNALCTL = "journalctl"
    DEBUGDATA = "debugdata"
    STATS = "stats"
    MOUNTS = "mounts"
    SMBINFO = "smbinfo"
    SYSLOGS = "syslogs"
    TCPDUMP = "tcpdump"


BUILT_ACTIONS: Final = frozenset(ActionName) - {ActionName.TCPDUMP}
"""Actions that capture can run; the others are known names, skipped with a warning."""


class Mode(StrEnum):
    """How `track_*` and `exclude_*` select."""

    ALL = "all"
    """Everything; `track_*` only adds (own thresholds, what is left out by default)."""
    TRACKONLY = "trackonly"
    """Only what `track_*` lists."""
    EXCLUDEONLY = "excludeonly"
    """Everything but what `exclude_*` lists."""


class Recorder(StrEnum):
    """Which finished operations the kernel writes to the event log."""

    ALL = "all"
    MATCHING = "matching"


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every section: a misspelt key is an error, never ignored."""


class TrackedCommand(Section, frozen=True):
    """An entry of `track_commands`."""

    command: str
    threshold: Milliseconds | None = None
    """ms; None = `default_threshold_ms`."""


class Latency(Section, frozen=True, tag_field="type", tag="Latency"):
    """Operations slower than a threshold."""

    tool: Literal["smbslower"] = "smbslower"
    mode: Mode = Mode.ALL
    acceptable_count: Count = 10
    default_threshold_ms: Milliseconds = 20
    emergency_threshold_ms: Milliseconds | None = 1000
    """One operation this slow, finished or not, is an anomaly at once; None switches it off."""
    track_commands: tuple[TrackedCommand, ...] = ()
    exclude_commands: tuple[str, ...] = ()
    actions: tuple[ActionName, ...] = ()
    cooldown_sec: Annotated[float, Meta(ge=0, le=DAY_SEC)] = 60


class Error(Section, frozen=True, tag_field="type", tag="Error"):
    """Operations that failed. A code is an errno name (EACCES) or an NTSTATUS name (STATUS_...)."""

    tool: Literal["smbiosnoop"] = "smbiosnoop"
    mode: Mode = Mode.ALL
    acceptable_count: Count = 10
    track_codes: tuple[str, ...] = ()
    exclude_codes: tuple[str, ...] = ()
    actions: tuple[ActionName, ...] = ()
    cooldown_sec: Annotated[float, Meta(ge=0, le=DAY_SEC)] = 60


AnomalyConfig: TypeAlias = Latency | Error


class Guardian(Section, frozen=True):
    """What is watched."""

    anomalies: Annotated[dict[AnomalyName, AnomalyConfig], Meta(min_length=1)]


class Watcher(Section, frozen=True):
    """The allow-list: an action that is not in it runs for no anomaly."""

    actions: tuple[ActionName, ...] = tuple(ActionName)


class Cleanup(Section, frozen=True):
    """How long bundles are kept."""

    cleanup_interval_sec: Seconds = 60
    max_log_age_days: Annotated[float, Meta(gt=0, le=36_500)] = 2
    max_total_log_size_mb: Annotated[float, Meta(gt=0, le=1_000_000_000)] = 200


class Audit(Section, frozen=True):
    """The log of what the daemon itself did."""

    enabled: bool = True


class Capture(Section, frozen=True):
    """Limits of evidence collection."""

    max_concurrent: Annotated[int, Meta(ge=1, le=64)] = 4
    """Bundles in the making at the same time."""
    history_sec: Annotated[float, Meta(gt=0, le=3600)] = 60
    """How far before the trigger a bundle's events begin."""
    compression_level: Annotated[int, Meta(ge=1, le=19)] = 3
    """zstd."""
    action_timeout_sec: Annotated[float, Meta(gt=0, le=3600)] = 10
    max_file_mb: Annotated[float, Meta(gt=0, le=4096)] = 25
    """One action's output is cut there."""


class Supervision(Section, frozen=True):
    """When a worker counts as dead, and how it is brought back."""

    attempts: Annotated[int, Meta(ge=1, le=1000)] = 5
    """Deaths of one worker within `window_sec` before the daemon gives up."""
    window_sec: Seconds = 60
    first_delay_sec: Seconds = 0.1
    longest_delay_sec: Seconds = 30
    heartbeat_timeout_sec: Annotated[float, Meta(ge=2, le=DAY_SEC)] = 10
    """Workers beat once a second."""
    drain_timeout_sec: Seconds = 4


class Config(Section, frozen=True):
    """The whole file."""

    guardian: Guardian
    watch_interval_sec: Annotated[float, Meta(gt=0, le=3600)] = 1
    """Length of the sliding window in which matches are counted."""
    aod_output_dir: Path = Path("/var/log/aod")
    watcher: Watcher = Watcher()
    cleanup: Cleanup = Cleanup()
    audit: Audit = Audit()
    capture: Capture = Capture()
    supervision: Supervision = Supervision()
    recorder: Recorder = Recorder.ALL
    runtime_dir: Path = Path("/run/aod")
    state_dir: Path = Path("/var/lib/aod")
    pin_dir: Path = Path("/sys/fs/bpf/aod")
    ring_mb: Annotated[int, Meta(ge=1, le=1024)] = 8
    """The kernel's ring; a power of two."""
    event_log_mb: Annotated[int, Meta(ge=1, le=4096)] = 16
    """The history; a power of two. 1 MiB holds 16,384 operations."""
    max_inflight: Annotated[int, Meta(ge=1024, le=1 << 20)] = 16_384
    """Operations in flight that the kernel can remember; a power of two."""
    unanswered_sec: Seconds = 200
    """An operation in flight this long is given up: the client itself notices a silent server
    after 3 x echo_interval, 180 s by default."""


def why_skipped(config: Config, action: ActionName) -> str | None:
    """Why no anomaly gets this action, or None if it runs."""
    if action not in config.watcher.actions:
        return "not in the allow-list watcher.actions"
    if action not in BUILT_ACTIONS:
        return "not available in this version"
    return None


def effective_actions(config: Config, anomaly: AnomalyConfig) -> tuple[ActionName, ...]:
    """The actions that really run for an anomaly, in the order of the file."""
    return tuple(action for action in anomaly.actions if why_skipped(config, action) is None)
