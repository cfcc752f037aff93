"""The configuration: the keys of the YAML file, their bounds and their defaults. No default lives
anywhere else."""

from enum import StrEnum
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from msgspec import Meta

from aod.detectors.api import Settings
from aod.detectors.registry import registry
from aod.kernel.client_files import ProcCifs
from aod.settings import DAY_SEC, ActionName, Seconds, Section
from aod.text import Identifier

AnomalyName: TypeAlias = Annotated[Identifier, Meta(min_length=1)]

NOT_ALLOWED: Final = "not in the allow-list watcher.actions"
"""Why an action of an anomaly is skipped."""

UserName: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=32, min_length=1)
]

if TYPE_CHECKING:
    AnomalyConfig: TypeAlias = Settings
else:
    # The types that are installed; msgspec chooses by `type`.
    AnomalyConfig = reduce(or_, (offer.settings for offer in registry().offers.values()))


class Recorder(StrEnum):
    """Which finished operations the kernel writes to the event log."""

    ALL = "all"
    MATCHING = "matching"


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
    max_mb: Annotated[float, Meta(gt=0, le=1024)] = 1
    """Size at which the file is rotated."""
    files: Annotated[int, Meta(ge=1, le=100)] = 4
    """How many are kept, including the current one."""


Port: TypeAlias = Annotated[int, Meta(ge=1, le=65_535)]


class Packets(Section, frozen=True):
    """The ring of packets that the action `tcpdump` is cut from."""

    ring_mb: Annotated[int, Meta(ge=4, le=4096)] = 16
    snaplen: Annotated[int, Meta(ge=128, le=262_144)] = 640
    """Bytes of each packet that the ring holds. In the answer to what the client compounds to look
    a file up (CREATE with a lease, QUERY_INFO, CLOSE), the last header ends before."""
    headers_only: bool = True
    """Packets in a bundle hold no content of files: zeros follow the SMB2 headers."""
    ports: Annotated[tuple[Port, ...], Meta(min_length=1, max_length=16)] = (445,)
    """Of the servers, where shares are mounted from others than the usual one (mount.cifs: port=);
    also those whose connections the action `sockets` shows."""
    folder: Path | None = None
    """Folder of the ring; null: the runtime folder, which is in memory."""


class Trace(Section, frozen=True):
    """The buffer of the action `trace`."""

    buffer_mb: Annotated[float, Meta(ge=0.1, le=1024)] = 4
    """For all processors together."""


class Capture(Section, frozen=True):
    """Limits of evidence collection."""

    max_concurrent_captures: Annotated[int, Meta(ge=1, le=64)] = 4
    """Bundles that are filled at the same time."""
    max_waiting: Annotated[int, Meta(ge=1, le=1000)] = 16
    """Anomalies that may wait for their turn; more are counted and get no bundle."""
    lookback_sec: Annotated[float, Meta(gt=0, le=DAY_SEC)] = 300
    """How far before the trigger logs are read."""
    history_sec: Annotated[float, Meta(gt=0, le=3600)] = 60
    """How far before the trigger a bundle's events begin."""
    post_sec: Annotated[float, Meta(ge=0, le=3600)] = 5
    """How far after the trigger they end; the bundle is sealed no earlier, and names what else is
    declared meanwhile."""
    compression_level: Annotated[int, Meta(ge=1, le=19)] = 3
    """zstd."""
    action_timeout_sec: Annotated[float, Meta(gt=0, le=3600)] = 10
    max_file_mb: Annotated[float, Meta(gt=0, le=4096)] = 25
    """Size at which the output of an action is cut."""
    max_bundle_mb: Annotated[float, Meta(gt=0, le=1_000_000)] = 100
    """All files of a bundle together, before compression."""
    min_free_mb: Annotated[float, Meta(ge=0, le=1_000_000_000)] = 500
    """Free space of the output folder's file system below which nothing is captured."""
    min_free_percent: Annotated[float, Meta(ge=0, le=90)] = 1
    """Like `min_free_mb`, as a share of the file system; the higher of the two holds."""
    redact: bool = False
    """Replace names, users, hosts and addresses in what goes into a bundle."""
    snapshot_on_stop: bool = False
    """Make a bundle of everything configured when the daemon shuts down."""
    proc_cifs: ProcCifs = ProcCifs.AUTO
    """Which files of /proc/fs/cifs are read; auto leaves out what may crash this kernel."""
    tcpdump: Packets = Packets()
    trace: Trace = Trace()


class Supervision(Section, frozen=True):
    """When a worker counts as dead, and when it is respawned."""

    attempts: Annotated[int, Meta(ge=1, le=1000)] = 5
    """Deaths of one worker within `window_sec` before the daemon gives up."""
    window_sec: Seconds = 60
    first_delay_sec: Seconds = 0.1
    longest_delay_sec: Seconds = 30
    heartbeat_timeout_sec: Annotated[float, Meta(ge=2, le=DAY_SEC)] = 10
    """A worker without a heartbeat for this long is killed; they send one each second."""
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
    user: UserName = "aod"
    """User of detect, whose group may use the sockets; if there is none of that name, detect keeps
    its user and drops its capabilities."""
    ring_mb: Annotated[int, Meta(ge=1, le=1024)] = 8
    """The kernel's ring; a power of two."""
    event_log_mb: Annotated[int, Meta(ge=1, le=4096)] = 16
    """The history; a power of two. 1 MiB holds 16,384 operations."""
    max_inflight: Annotated[int, Meta(ge=1024, le=1 << 20)] = 16_384
    """Operations in flight that the kernel can remember; a power of two."""
    unanswered_sec: Seconds = 200
    """An operation in flight this long counts as unanswered: the client notices a silent server
    after 3 x echo_interval, 180 s by default."""


def effective_actions(config: Config, anomaly: Settings) -> tuple[ActionName, ...]:
    """The actions that really run for an anomaly, in the order of the file."""
    return tuple(action for action in anomaly.actions if action in config.watcher.actions)
