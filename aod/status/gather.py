"""Collects the status of a running daemon from its files."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from aod.bundles import retention
from aod.config.schema import Config
from aod.conservation import violation
from aod.conservation.reading import Reader
from aod.conservation.sums import find_lost_records, find_violations
from aod.conservation.violation import Violation
from aod.event import COMMANDS
from aod.files import opened_folder
from aod.kernel import attachments, reader_lock
from aod.kernel.attachments import from_mask
from aod.smb.commands import command_name
from aod.state import counters, lock
from aod.state.ledger import Kind, LedgerReader
from aod.status import anomalies, workers
from aod.status.model import STALE_NS, CommandStatus, Output, Status
from aod.transport.eventlog import COUNTERS, EventLog, doubt
from aod.transport.position import read_evaluated


def command_counters(event_log: EventLog) -> dict[str, CommandStatus]:
    """The counters in the head of an event log, of the commands that occurred."""
    stats, gave_up = event_log.header["stats"].copy(), event_log.header["gave_up"]
    doubts = doubt(stats)
    return {
        command_name(number): CommandStatus(
            **{name: int(stats[name][number]) for name in COUNTERS},
            gave_up=int(gave_up[number]),
            doubt=int(doubts[number]),
        )
        for number in range(COMMANDS)
        if stats["started"][number] or stats["orphaned"][number]
    }


def gather(runtime_dir: Path, config: Config | None = None) -> Status:
    """The status of the daemon of this runtime folder; its output folder and the sums behind the
    kernel are looked at with a configuration only.

    Raises EventLogError: there is no event log: it does not run."""
    event_log = EventLog.reader(runtime_dir)
    evaluated, daemon = read_evaluated(runtime_dir), workers.FILE.read(runtime_dir)
    ledger = LedgerReader(runtime_dir)
    ledger.update()
    unseen = from_mask(int(event_log.header["unseen_events"]))
    return Status(
        supervisor_pid=lock.holder(runtime_dir),
        stats_ns=int(event_log.header["stats_ns"]),
        records=event_log.position,
        read=evaluated.position,
        in_flight=int(event_log.header["in_flight"]),
        commands=command_counters(event_log),
        unseen=tuple(event.phrase for event in unseen),
        anomalies=anomalies.FILE.read(runtime_dir),
        daemon=daemon,
        users={one.stage: _user(one.pid) for one in daemon.workers if one.pid},
        attached=attachments.FILE.read(runtime_dir),
        finished_per_second=_per_second(runtime_dir),
        missed=int(event_log.header["missed"]),
        skipped=evaluated.skipped,
        declared=evaluated.declared,
        unspooled=evaluated.unspooled,
        refused_by_detect=evaluated.refused,
        outcomes=_outcomes(ledger.state.counts, evaluated.refused),
        open=len(ledger.state.open),
        not_read=sum(one.counters.get("not_read", 0) for one in daemon.workers),
        hanging_reader=str(reader_lock.hanging(runtime_dir) or ""),
        violations=_violations(event_log, runtime_dir, config),
        output=_output(config) if config else None,
    )


def _violations(
    event_log: EventLog, runtime_dir: Path, config: Config | None
) -> tuple[Violation, ...]:
    """Those that the supervisor found, and those that hold now."""
    if config is None:
        now = list(find_lost_records(event_log.header["stats"].copy()))
    else:
        now = find_violations(None, Reader(event_log, runtime_dir, config.state_dir).read())
    known = {one.key: one for one in violation.FILE.read(runtime_dir)}
    return tuple(({one.key: one for one in now} | known).values())


def _outcomes(counts: Mapping[Kind, int], refused: int) -> dict[str, int]:
    by_name = {kind.name.lower(): count for kind, count in sorted(counts.items())}
    return by_name | ({"refused": by_name.get("refused", 0) + refused} if refused else {})


def _user(pid: int) -> int:
    """The effective user of a process; -1: it is gone."""
    try:
        lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    except OSError:
        return -1
    return next((int(line.split()[2]) for line in lines if line.startswith("Uid:")), -1)


def _per_second(runtime_dir: Path) -> float:
    """Operations that finished per second, between the last two snapshots of the counters."""
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
    return max(0, finished) * 1e9 / nanoseconds if nanoseconds and age_ns < STALE_NS else 0.0


def _output(config: Config) -> Output | None:
    """None: it cannot be read."""
    folder = config.aod_output_dir
    try:
        with opened_folder(folder) as fd:
            entries = retention.scan(fd)
            space = os.fstatvfs(fd)
    except OSError:
        return None
    last = max(entries, default=retention.Entry(timestamp=0, name="", size_bytes=0))
    return Output(
        folder=str(folder),
        bundles=len(entries),
        bytes=sum(entry.size_bytes for entry in entries),
        limit_bytes=retention.max_bytes(config.cleanup),
        free_bytes=space.f_bavail * space.f_frsize,
        last=last.name,
        last_bytes=last.size_bytes,
        last_timestamp=last.timestamp,
    )
