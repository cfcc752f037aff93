"""What the daemon has seen and how it stands with it: everything that `aod status` can tell."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from aod.bundles import retention
from aod.config.schema import Config
from aod.conservation import violation
from aod.conservation.reading import Looker
from aod.conservation.sums import check
from aod.conservation.violation import Violation
from aod.event import COMMANDS
from aod.files import opened_folder
from aod.kernel import attachments
from aod.kernel.attachments import from_mask
from aod.smb.commands import command_name
from aod.state import counters, lock
from aod.state.ledger import Kind, LedgerReader
from aod.status import anomalies as episodes
from aod.status import workers as daemon_report
from aod.status.workers import DaemonReport
from aod.transport.eventlog import EventLog
from aod.transport.position import read_evaluated

_COUNTERS: Final = (
    "started",
    "finished",
    "unanswered",
    "unanswered_told",
    "untimed",
    "orphaned",
    "emitted",
    "filtered",
    "dropped_ring_full",
    "dropped_inflight_full",
    "dropped_simulated",
)
_STALE_NS: Final = 10 * 10**9
"""Counters are published every second."""


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
        return self.dropped_ring_full + self.dropped_inflight_full + self.dropped_simulated

    @property
    def unexplained(self) -> int:
        """Operations that ought to be a record, but are none, nor counted as lost."""
        dropped = self.dropped_ring_full + self.dropped_simulated
        explained = self.emitted + self.filtered + dropped
        return self.finished + self.unanswered_told - explained


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
    """One look at a running daemon."""

    supervisor_pid: int | None
    stats_ns: int
    """When the counters were taken, CLOCK_MONOTONIC."""
    records: int
    """Written to the event log, ever."""
    read: int
    """Of them, evaluated by detect."""
    in_flight: int
    commands: dict[str, CommandStatus]
    """Only commands that were seen."""
    unseen: tuple[str, ...] = ()
    """Connection events that this kernel's cifs client has no tracepoint for."""
    anomalies: episodes.Report = episodes.Report()
    """How it stands with each anomaly of the configuration."""
    daemon: DaemonReport = DaemonReport()
    users: dict[str, int] = {}
    """User id that each worker runs as."""
    attached: attachments.Report = attachments.Report()
    finished_per_second: float = 0.0
    missed: int = 0
    """Events that the kernel did not run our programs for."""
    skipped: int = 0
    """Records that were gone before detect came to read them."""
    declared: int = 0
    unspooled: int = 0
    """Anomalies declared that are not in the spool: only a message could carry them."""
    refused_by_detect: int = 0
    """Of those, the ones that get no bundle."""
    outcomes: dict[str, int] = {}
    """Anomalies by where they came from, and by what became of them (aod/state/ledger.py); detect
    refuses some, too."""
    open: int = 0
    """Anomalies without an outcome yet."""
    violations: tuple[Violation, ...] = ()
    """Sums that do not hold."""
    output: Output | None = None

    @property
    def conserved(self) -> bool:
        """Whether every finished operation is accounted for."""
        sums = (abs(one.unexplained) <= one.doubt for one in self.commands.values())
        return all(sums) and not self.violations

    @property
    def total(self) -> CommandStatus:
        """Of all commands together."""
        names = (*_COUNTERS, "gave_up", "doubt")
        every = self.commands.values()
        return CommandStatus(**{name: sum(getattr(one, name) for one in every) for name in names})


def counted(log: EventLog) -> dict[str, CommandStatus]:
    """The counters in the head of a log, of the commands that were seen."""
    stats, gave_up = log.header["stats"].copy(), log.header["gave_up"]
    return {
        command_name(number): CommandStatus(
            **{name: int(stats[name][number]) for name in _COUNTERS},
            gave_up=int(gave_up[number]),
            doubt=int(stats["begun"][number]) - int(stats["ended"][number]),
        )
        for number in range(COMMANDS)
        if stats["started"][number] or stats["orphaned"][number]
    }


def gather(runtime_dir: Path, config: Config | None = None) -> Status:
    """Look at the daemon of this runtime folder; with a configuration, at its output folder, too.

    Raises:
        EventLogError: there is no event log: it does not run.
    """
    log = EventLog.reader(runtime_dir)
    said, daemon, ledger = (
        read_evaluated(runtime_dir),
        daemon_report.FILE.read(runtime_dir),
        LedgerReader(runtime_dir),
    )
    ledger.update()
    return Status(
        supervisor_pid=lock.holder(runtime_dir),
        stats_ns=int(log.header["stats_ns"]),
        records=log.position,
        read=said.position,
        in_flight=int(log.header["in_flight"]),
        commands=counted(log),
        unseen=tuple(event.phrase for event in from_mask(int(log.header["unseen_events"]))),
        anomalies=episodes.FILE.read(runtime_dir),
        daemon=daemon,
        users={one.stage: _user(one.pid) for one in daemon.workers if one.pid},
        attached=attachments.FILE.read(runtime_dir),
        finished_per_second=_per_second(runtime_dir),
        missed=int(log.header["missed"]),
        skipped=said.skipped,
        declared=said.declared,
        unspooled=said.unspooled,
        refused_by_detect=said.refused,
        outcomes=_outcomes(ledger.state.counts, said.refused),
        open=len(ledger.state.open),
        violations=_violations(log, runtime_dir, config),
        output=_output(config) if config else None,
    )


def unhealthy(status: Status, now_ns: int) -> list[str]:
    """What is wrong, each in a line; `now_ns` is CLOCK_MONOTONIC."""
    if not status.supervisor_pid:
        return ["the supervisor does not run"]
    found = [violation.sentence(one) for one in status.violations]
    if not status.conserved and not status.violations:
        found.append("records: finished operations are missing")
    for worker in status.daemon.workers:
        if worker.state != "running":
            found.append(f"{worker.stage} is {worker.state}")
        elif worker.note.startswith(("no bundles", "not attached")):
            found.append(f"{worker.stage}: {worker.note}")
    found += [
        f"'{one.name}' watches no more: {one.fault}"
        for one in status.anomalies.episodes
        if one.fault
    ]
    if status.stats_ns and now_ns - status.stats_ns > _STALE_NS:
        found.append(f"the counters are {(now_ns - status.stats_ns) / 1e9:.0f} s old")
    return found


def _violations(log: EventLog, runtime_dir: Path, config: Config | None) -> tuple[Violation, ...]:
    """What the supervisor has found, and what a look of our own finds."""
    told = {one.key: one for one in violation.FILE.read(runtime_dir)}
    if config is not None:
        found = check(None, Looker(log, runtime_dir, config.state_dir).look())
        told |= {one.key: one for one in found if one.key not in told}
    return tuple(told.values())


def _outcomes(counts: Mapping[Kind, int], refused: int) -> dict[str, int]:
    told = {kind.name.lower(): count for kind, count in sorted(counts.items())}
    return told | {"refused": told.get("refused", 0) + refused} if refused else told


def _user(pid: int) -> int:
    """The effective user of a process; -1: it is gone."""
    try:
        lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    except OSError:
        return -1
    return next((int(line.split()[2]) for line in lines if line.startswith("Uid:")), -1)


def _per_second(runtime_dir: Path) -> float:
    """Operations that finished, lately."""
    try:
        taken = counters.read(runtime_dir)
    except (OSError, ValueError):
        return 0.0
    if len(taken) < 2 or taken["ring_id"][-1] != taken["ring_id"][-2]:
        return 0.0
    before, now = taken[-2], taken[-1]
    finished = int(now["stats"]["finished"].sum()) - int(before["stats"]["finished"].sum())
    nanoseconds = int(now["taken_ns"]) - int(before["taken_ns"])
    age_ns = time.monotonic_ns() - int(now["taken_ns"])
    return max(0, finished) * 1e9 / nanoseconds if nanoseconds and age_ns < _STALE_NS else 0.0


def _output(config: Config) -> Output | None:
    """None: it cannot be read."""
    folder = config.aod_output_dir
    try:
        with opened_folder(folder) as fd:
            entries = sorted(retention.scan(fd))
            space = os.fstatvfs(fd)
    except OSError:
        return None
    last = entries[-1] if entries else None
    return Output(
        folder=str(folder),
        bundles=len(entries),
        bytes=sum(entry.size_bytes for entry in entries),
        limit_bytes=retention.max_bytes(config.cleanup),
        free_bytes=space.f_bavail * space.f_frsize,
        last=last.name if last else "",
        last_bytes=last.size_bytes if last else 0,
        last_timestamp=last.timestamp if last else 0,
    )
