"""The status of a daemon as data, which `aod status --json` prints; and what is wrong with it."""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from aod.conservation.violation import Violation, sentence
from aod.kernel import attachments
from aod.status.anomalies import AnomalyReport
from aod.status.workers import DaemonReport
from aod.transport.eventlog import DROPPED

STALE_NS: Final = 10 * 10**9
"""Counters are published every second, the supervisor's report every two."""


class CommandStatus(Struct, frozen=True):
    """The counters of one command (ebpf/shared.h, struct aod_command_stats)."""

    started: int
    finished: int
    unanswered: int
    unanswered_told: int
    untimed: int
    orphaned: int
    emitted: int
    filtered: int
    dropped_ring_full: int
    dropped_inflight_full: int
    dropped_simulated: int
    gave_up: int
    doubt: int = 0
    """How far the sums may be off: operations that were being counted."""

    @property
    def dropped(self) -> int:
        """Operations that are missing in the event log, for whatever reason."""
        return sum(getattr(self, name) for name in DROPPED)


class Output(Struct, frozen=True):
    """The output folder."""

    folder: str
    bundles: int
    bytes: int
    limit_bytes: int
    free_bytes: int
    last: str
    """The newest bundle; empty: there is none."""
    last_bytes: int
    last_timestamp: int
    """Of its anomaly, ns since the epoch."""


class Status(Struct, frozen=True):
    """A running daemon at one time."""

    supervisor_pid: int | None
    stats_ns: int
    """When the counters were taken, CLOCK_MONOTONIC."""
    records: int
    """Ever written to the event log."""
    read: int
    """Of them, evaluated by detect."""
    in_flight: int
    commands: dict[str, CommandStatus]
    """Only commands that occurred."""
    unseen: tuple[str, ...] = ()
    """Connection events for which this kernel's cifs client has no tracepoint."""
    anomalies: AnomalyReport = AnomalyReport()
    daemon: DaemonReport = DaemonReport()
    users: dict[str, int] = {}
    """By stage: the user id that its worker runs as."""
    attached: attachments.Report = attachments.Report()
    finished_per_second: float = 0.0
    missed: int = 0
    """Events for which the kernel did not run the programs."""
    skipped: int = 0
    """Records that were overwritten before detect read them."""
    declared: int = 0
    unspooled: int = 0
    """Declared anomalies that are not in the spool: only a message could carry them."""
    refused_by_detect: int = 0
    """Of those, the ones that get no bundle."""
    outcomes: dict[str, int] = {}
    """Anomalies by origin and by outcome (aod/state/ledger.py), with those that detect refused."""
    open: int = 0
    """Anomalies without an outcome yet."""
    not_read: int = 0
    """How often a file of /proc/fs/cifs was not read: an earlier reader had not ended."""
    hanging_reader: str = ""
    """The reader of /proc/fs/cifs that hangs in the kernel now; empty: none does."""
    violations: tuple[Violation, ...] = ()
    output: Output | None = None

    @property
    def conserved(self) -> bool:
        """Whether every finished operation is accounted for."""
        return not self.violations

    @property
    def total(self) -> CommandStatus:
        """The counters over all commands."""
        zeros = (0,) * len(CommandStatus.__struct_fields__)
        rows = [zeros, *map(msgspec.structs.astuple, self.commands.values())]
        return CommandStatus(*map(sum, zip(*rows, strict=True)))


def unhealthy(status: Status, now_ns: int) -> list[str]:
    """What is wrong, each in a line; `now_ns` is CLOCK_MONOTONIC."""
    if not status.supervisor_pid:
        return ["the supervisor does not run"]
    return [
        *map(sentence, status.violations),
        *_workers(status, now_ns),
        *(
            f"anomaly '{one.name}' is off, its rule failed: {one.fault}"
            for one in status.anomalies.episodes
            if one.fault
        ),
        *([f"a {status.hanging_reader} hangs in the kernel"] if status.hanging_reader else []),
        *_stale("the counters are", status.stats_ns, now_ns),
    ]


def _workers(status: Status, now_ns: int) -> Iterator[str]:
    report = status.daemon
    if not report.workers:
        yield "the supervisor reports no workers"
    yield from _stale("the supervisor is silent; its last report is", report.written_ns, now_ns)
    for worker in report.workers:
        if worker.state != "running":
            yield f"{worker.stage} is {worker.state}"
        elif worker.health == "impaired":  # not so one that waits for the cifs module
            yield f"{worker.stage}: {worker.note}"


def _stale(what: str, taken_ns: int, now_ns: int) -> Iterator[str]:
    if taken_ns and now_ns - taken_ns > STALE_NS:
        yield f"{what} {(now_ns - taken_ns) / 1e9:.0f} s old"
