"""What the daemon has seen: the kernel's counters, as the head of the event log has them."""

import time
from pathlib import Path
from typing import Final

from msgspec import Struct

from aod import episodes, lock
from aod.attachments import from_mask
from aod.event import COMMANDS
from aod.eventlog import EventLog, ReadPosition
from aod.smb.commands import command_name
from aod.smb.connection import PHRASES

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

    @property
    def conserved(self) -> bool:
        """Whether every finished operation is accounted for."""
        return not any(one.unexplained for one in self.commands.values())


def counted(log: EventLog) -> dict[str, CommandStatus]:
    """The counters in the head of a log, of the commands that were seen."""
    stats, gave_up = log.header["stats"], log.header["gave_up"]
    return {
        command_name(number): CommandStatus(
            **{name: int(stats[name][number]) for name in _COUNTERS}, gave_up=int(gave_up[number])
        )
        for number in range(COMMANDS)
        if stats["started"][number] or stats["orphaned"][number]
    }


def gather(runtime_dir: Path) -> Status:
    """Look at the daemon of this runtime folder.

    Raises:
        EventLogError: there is no event log: it does not run.
    """
    log = EventLog.reader(runtime_dir)
    return Status(
        supervisor_pid=lock.holder(runtime_dir),
        stats_ns=int(log.header["stats_ns"]),
        records=log.position,
        read=ReadPosition.peek(runtime_dir),
        in_flight=int(log.header["in_flight"]),
        commands=counted(log),
        unseen=tuple(PHRASES[event] for event in from_mask(int(log.header["unseen_events"]))),
        anomalies=episodes.read(runtime_dir),
    )


def render(status: Status) -> str:
    """The same for a person."""
    pid = status.supervisor_pid
    lines = [
        f"supervisor   {f'running, pid {pid}' if pid else 'not running'}",
        f"event log    {status.records:,} records, {status.records - status.read:,} not yet read",
        f"in flight    {status.in_flight:,} operations",
        f"conserved    {'yes' if status.conserved else 'NO: finished operations are missing'}",
        *([f"not seen     {', '.join(status.unseen)}"] if status.unseen else []),
        *episodes.render(status.anomalies, time.monotonic_ns()),
        "",
        f"{'command':<22}{'started':>12}{'finished':>12}{'unanswered':>12}{'dropped':>10}",
    ]
    lines += [
        f"{name:<22}{one.started:>12,}{one.finished:>12,}{one.unanswered + one.gave_up:>12,}"
        f"{one.dropped:>10,}"
        for name, one in status.commands.items()
    ]
    return "\n".join(lines)
