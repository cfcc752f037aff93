"""The rig itself: does each part of the laboratory do what its name says?"""

import os
import threading
import time
from pathlib import Path

import numpy as np

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.shares import SECOND
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import rounds, work

ROUNDS = 3
DELAY_MS = 50
PAUSE_S = 1.0
MAX_READ = 65536
AGAIN = Path("/mnt/again")


def run(lab: Lab) -> Facts:
    """Mount, work, and break things one at a time."""
    facts: Facts = {
        "release": os.uname().release,
        "hostname": os.uname().nodename,
        "clock": time.time(),
        "repository_is_visible": Path(__file__).is_file(),
        "numpy_sorts": _numpy_sorts(),
    }
    with lab.mounted(cifs.UNCACHED) as folder:
        facts["module_loaded"] = cifs.module_loaded()
        facts["healthy"] = _counted(folder)
        with faults.slow_network(DELAY_MS):
            facts["slow"] = _counted(folder)
        with faults.creates_denied():
            facts["denied"] = _counted(folder)
        with faults.full_share():
            facts["full"] = _counted(folder)
        facts["paused_s"] = _answer_of_paused_server_s(lab, folder)
        facts["servers_while_gone"] = _replace_server(lab, folder)
        facts["healed"] = _counted(folder)
        facts["two"] = _two_mounts(lab, folder)
    facts["configured"] = _mount_of_other_server(lab)
    cifs.unload_module()
    facts["module_unloaded"] = not cifs.module_loaded()
    return facts


def _numpy_sorts() -> bool:
    """numpy has code of its own for each processor, and an emulated one may compute wrongly."""
    numbers = np.random.default_rng(1).integers(0, 1 << 40, 1000)
    return bool((np.diff(numbers[np.argsort(numbers)]) >= 0).all())


def _two_mounts(lab: Lab, folder: Path) -> Facts:
    """A second share beside the first, and the first one once more; then the second gets slow."""
    with (
        lab.mounted(cifs.APART, SECOND) as second,
        lab.mounted(cifs.APART, mount_point=AGAIN) as again,
    ):
        trees = cifs.trees()
        healthy_s = _times(folder, second, again)
        with faults.slow_network(DELAY_MS, SECOND):
            slow_s = _times(folder, second, again)
    return {"trees": trees, "healthy_s": healthy_s, "slow_s": slow_s}


def _times(*folders: Path) -> list[float]:
    """How long a round takes in each, in seconds."""
    taken = []
    for folder in folders:
        started = time.monotonic()
        work(folder, rounds(1))
        taken.append(time.monotonic() - started)
    return taken


def _mount_of_other_server(lab: Lab) -> str:
    """What a mount looks like when the server may read no more than that."""
    with lab.samba.configured({"smb2 max read": str(MAX_READ)}), lab.mounted():
        return Path("/proc/mounts").read_text()


def _counted(folder: Path) -> Facts:
    """A workload with what it did, what the client counted as sent, and how long it took."""
    before, started = cifs.command_counts(), time.monotonic()
    tally = work(folder, rounds(ROUNDS))
    elapsed_s = time.monotonic() - started
    sent = cifs.difference(before, cifs.command_counts())
    return {"tally": tally, "sent": {k: v._asdict() for k, v in sent.items()}, "s": elapsed_s}


def _answer_of_paused_server_s(lab: Lab, folder: Path) -> float:
    """How long a request takes when the server pauses for PAUSE_S."""
    started = time.monotonic()
    with lab.samba.paused():
        timer = threading.Timer(PAUSE_S, lab.samba.resume)
        timer.start()
        work(folder, rounds(1))
        timer.join()
    return time.monotonic() - started


def _replace_server(lab: Lab, folder: Path) -> int:
    """Kill the server and start another under the same mount; how many processes were left."""
    with lab.samba.gone():
        left = len(lab.samba.pids())
    wait_until(lambda: work(folder, rounds(1))["delete"], "the client to reconnect", 30)
    return left
