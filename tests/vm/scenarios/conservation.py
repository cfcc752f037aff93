"""Several thousand operations: what the client counted, beside what the daemon recorded."""

import fcntl
from pathlib import Path

import msgspec
import numpy as np

from aod.event import COMMANDS, IN_FLIGHT
from aod.transport.eventlog import EventLog
from scripts.vm.guest import cifs
from scripts.vm.guest.counters import RUNTIME, accounts
from scripts.vm.guest.lab import Facts, Lab, replaced
from scripts.vm.guest.workload import rounds, work

ROUNDS = 150
MISSING_FILES = 300
LOCKS = 50
TIMEOUT_S = 240
CPUS = 2  # operations begin on one processor and end on another


def run(lab: Lab) -> Facts:
    """Work in every way that SMB has a command for, and read both accounts before and after."""
    config = lab.configuration(_never_slow)
    with (
        lab.mounted(cifs.UNCACHED) as folder,
        lab.daemon("--without", "capture", "--without", "cleanup", config=config) as daemon,
    ):
        daemon.wait_for_line("attached to the cifs client")
        log = EventLog.reader(RUNTIME)
        counted_before, before = accounts()
        _every_kind_of_work(folder)
        counted_after, after = accounts()
        records = log.view(before.records, after.records - before.records)
        exit_status = daemon.stop()
    return {
        "client": {
            name: count.total
            for name, count in cifs.difference(counted_before, counted_after).items()
        },
        "records": np.bincount(records["command"], minlength=COMMANDS).tolist(),
        "told_in_flight": int(np.count_nonzero(records["flags"] & IN_FLIGHT)),
        "before": msgspec.to_builtins(before),
        "after": msgspec.to_builtins(after),
        "exit_status": exit_status,
    }


def _never_slow(text: str) -> str:
    return replaced(text, "threshold_ms: 20", "threshold_ms: 60000")


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
