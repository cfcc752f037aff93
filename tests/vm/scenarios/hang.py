"""The server stops for three seconds or a little more; what hangs is declared meanwhile, once."""

import threading
import time

from scripts.vm.guest import cifs
from scripts.vm.guest.counters import wait_for_names
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import rounds, work

GUEST = "faults"
PAUSE_S = 3
# Made on the server: the client knows nothing about it that would spare it a request.
NAME = "file"
# stat() is one request with so many commands.
ASKED = 3
HANGS_NS = 200_000_000
# How often the log is looked at: what is measured is when the daemon logs it.
_LOG_POLL_S = 0.005


def run(lab: Lab) -> Facts:
    """Work, stop the server, ask for one file's attributes; work again when the server goes on."""
    with lab.mounted(cifs.UNCACHED) as folder, lab.daemon() as daemon:
        daemon.wait_until_watching()
        wait_for_names(FIRST)
        work(folder, rounds(3))
        (FIRST.path / NAME).touch()
        asking = threading.Thread(target=(folder / NAME).stat)
        with lab.samba.paused():
            paused_ns = time.monotonic_ns()
            asking.start()
            daemon.wait_for_line("Latency anomaly", poll_s=_LOG_POLL_S)
            declared_ns = time.monotonic_ns()
            _stay_until(paused_ns + PAUSE_S * 10**9)
            _wait_for_the_evidence_to_ask()
        resumed_ns = time.monotonic_ns()
        asking.join()
        after = work(folder, rounds(3))
        daemon.wait_for_bundle()
        return {
            "paused_ns": paused_ns,
            "declared_ns": declared_ns,
            "resumed_ns": resumed_ns,
            "after": after,
            "exit_status": lab.stop(daemon),
        }


def _wait_for_the_evidence_to_ask() -> None:
    """The last source of a bundle asks the server that hangs, and hangs a while, too."""
    wait_until(lambda: len(cifs.pending()) > ASKED, "smbinfo's requests", 20)
    _stay_until(time.monotonic_ns() + HANGS_NS)


def _stay_until(moment_ns: int) -> None:
    """The length of the pause is part of the scenario, not a wait for something."""
    time.sleep(max(0, moment_ns - time.monotonic_ns()) / 1e9)
