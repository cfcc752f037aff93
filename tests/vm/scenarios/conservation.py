"""Several thousand operations: what the client counted, beside what the daemon recorded."""

import fcntl
import json
import time
from pathlib import Path

import numpy as np

from aod import status
from aod.event import COMMANDS, IN_FLIGHT
from aod.eventlog import EventLog
from scripts.vm.guest import cifs
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import rounds, work

ROUNDS = 150
MISSING_FILES = 300
LOCKS = 50
RUNTIME = Path("/run/aod")
TIMEOUT_S = 240
CPUS = 2  # operations begin on one processor and end on another


def run(lab: Lab) -> Facts:
    """Work in every way that SMB has a command for, and read both accounts before and after."""
    options = f"{cifs.OPTIONS},cache=none,actimeo=0"
    config = lab.configuration(lambda text: text.replace("threshold_ms: 20", "threshold_ms: 60000"))
    with (
        lab.mounted(options) as folder,
        lab.daemon("--without", "capture", "--without", "cleanup", config=config) as daemon,
    ):
        daemon.wait_for_line("attached to the cifs client")
        log = EventLog.reader(RUNTIME)
        counted_before, before, start = _accounts(log)
        _every_kind_of_work(folder)
        counted_after, after, end = _accounts(log)
        records = log.view(start, end - start)
        (lab.artefacts / "status.json").write_text(json.dumps(after, indent=2))
        exit_status = daemon.stop()
    return {
        "client": {
            name: count.total
            for name, count in cifs.difference(counted_before, counted_after).items()
        },
        "records": np.bincount(records["command"], minlength=COMMANDS).tolist(),
        "record_count": end - start,
        "told_in_flight": int(np.count_nonzero(records["flags"] & IN_FLIGHT)),
        "before": before,
        "after": after,
        "exit_status": exit_status,
    }


def _every_kind_of_work(folder: Path) -> None:
    work(folder, rounds(ROUNDS), size=8192)
    for number in range(MISSING_FILES):
        assert not (folder / f"missing-{number}").exists()
    (folder / "big").write_bytes(bytes(4 << 20))
    (folder / "big").read_bytes()
    with (folder / "locked").open("wb") as file:
        for _ in range(LOCKS):
            fcntl.lockf(file, fcntl.LOCK_EX)
            fcntl.lockf(file, fcntl.LOCK_UN)
    (folder / "below").mkdir()
    (folder / "below").rmdir()


def _accounts(log: EventLog) -> tuple[dict[str, cifs.Count], Facts, int]:
    """The client's account, the daemon's, and the log's end: of one moment, when nothing was sent.

    The client closes files when it thinks best, a second after the program did.
    """

    def of_one_moment() -> tuple[dict[str, cifs.Count], Facts, int] | None:
        counted = cifs.command_counts()
        account, position = _account(), log.position
        return (counted, account, position) if cifs.command_counts() == counted else None

    return wait_until(of_one_moment, 60, "a moment without requests")


def _account() -> Facts:
    """The daemon's counters, taken after now, with every record in the event log and evaluated."""
    now_ns = time.monotonic_ns()

    def settled() -> status.Status | None:
        found = status.gather(RUNTIME)
        fresh = found.stats_ns > now_ns and found.read == found.records
        return found if fresh else None

    found = wait_until(settled, 20, "counters that are newer than the workload")
    return {
        name: {field: getattr(one, field) for field in one.__struct_fields__}
        for name, one in found.commands.items()
    } | {"in_flight": found.in_flight, "records": found.records}
