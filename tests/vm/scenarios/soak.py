"""Five minutes of normal work on two mounts, with the configuration as it comes."""

import fcntl
import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from scripts.vm.guest import cifs
from scripts.vm.guest.counters import accounts
from scripts.vm.guest.daemon import CONFIGURATION, SUPERVISOR
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import command
from scripts.vm.guest.shares import SECOND
from scripts.vm.guest.watch import watched
from scripts.vm.guest.workload import KeepGoing, at_rate, rounds, seconds, work

GUEST = "soak"
# AOD_VM_SOAK_SEC makes it shorter while one works on it.
DURATION_S = float(os.environ.get("AOD_VM_SOAK_SEC", "300"))
TIMEOUT_S = int(DURATION_S) + 120
RATE = 2  # rounds per second on each mount
BIG = 64 << 10


def run(lab: Lab) -> Facts:
    """Work on both mounts, and let a program wait for a change in one of them all the time."""
    with (
        lab.mounted() as first,
        lab.mounted(share=SECOND) as second,
        lab.daemon() as daemon,
    ):
        daemon.wait_until_watching()
        counted_before, before = accounts()
        (first / "watched").mkdir()
        with watched(first / "watched"):
            tallies = _work_on((first, second))
            counted_after, after = accounts()
            status, pending = _status(), cifs.pending()
        sent = cifs.difference(counted_before, counted_after)
        return {
            "tallies": tallies,
            "client": {name: count.total for name, count in sent.items()},
            "before": msgspec.to_builtins(before),
            "after": msgspec.to_builtins(after),
            "status": status,
            "pending": pending,
            "exit_status": lab.stop(daemon),
        }


def _work_on(folders: tuple[Path, ...]) -> list[Counter[str]]:
    """Work in all folders at once."""
    with ThreadPoolExecutor(len(folders), thread_name_prefix="soak") as pool:
        jobs = [pool.submit(_mixed, folder, seconds(DURATION_S)) for folder in folders]
        return [job.result() for job in jobs]


def _mixed(folder: Path, keep_going: KeepGoing) -> Counter[str]:
    """Everything that programs do with files, in rounds; what was done, and errors by name."""
    tally: Counter[str] = Counter()
    (folder / "shared").write_bytes(bytes(BIG))
    go_on = at_rate(RATE, keep_going)
    while go_on(tally["mixed"]):
        below = folder / f"folder-{tally['mixed']:05}"
        below.mkdir()
        tally += work(below, rounds(1))
        _use_locked(folder / "shared")
        tally["missing"] += not (folder / "missing").exists()
        below.rmdir()
        tally["mixed"] += 1
    return tally


def _use_locked(path: Path) -> None:
    """Change a file of some size under a lock, and read it."""
    with path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        file.write(bytes(BIG))
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        assert len(file.read()) == BIG
        fcntl.lockf(file, fcntl.LOCK_UN)


def _status() -> Facts:
    """What the daemon reports when it is asked."""
    asked = command(SUPERVISOR.with_name("aod"), "status", "--json", "-c", CONFIGURATION)
    return dict(json.loads(asked))
