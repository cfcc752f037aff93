"""Each worker is killed in turn; the daemon has to bring it back and go on working."""

import os
import signal
import time
from pathlib import Path

from scripts.vm.guest import faults
from scripts.vm.guest.daemon import Daemon
from scripts.vm.guest.lab import Facts, Lab, replaced
from scripts.vm.guest.workload import working

STAGES = ("collect", "detect", "capture", "cleanup")
TIMEOUT_S = 240

# What a stop has to take with it.
LEFTOVERS = (Path("/run/aod"), Path("/sys/fs/bpf"))


def run(lab: Lab) -> Facts:
    """Kill, wait for the return, cause an anomaly; once per stage. Then stop."""
    config = lab.configuration(_without_cooldown)
    with lab.mounted() as folder, lab.daemon(config=config) as daemon:
        daemon.wait_until_watching()
        stages = {stage: _kill(stage, daemon, folder) for stage in STAGES}
        started = time.monotonic()
        status = daemon.stop()
        stop_s = time.monotonic() - started
    return {
        "stages": stages,
        "exit_status": status,
        "stop_s": stop_s,
        "left": [str(path) for folder in LEFTOVERS for path in folder.glob("*")],
    }


def _without_cooldown(text: str) -> str:
    """A configuration that makes a bundle of every incident."""
    return replaced(text, "#cooldown_sec: 60", "cooldown_sec: 0")


def _kill(stage: str, daemon: Daemon, folder: Path) -> Facts:
    """Kill one worker; how long it was away, and whether a bundle could be made after that."""
    pid = daemon.wait_for_worker(stage)
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    daemon.wait_for_worker(stage, other_than=pid)
    away_s = time.monotonic() - killed
    known = set(daemon.bundles())
    with faults.creates_denied(), working(folder):
        bundle = daemon.wait_for_bundle(known)
    return {"away_s": away_s, "bundle": bundle.name}
