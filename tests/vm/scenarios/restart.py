"""The server is killed under a workload, with operations in flight; another takes its place."""

import threading
import time
from pathlib import Path

from scripts.vm.guest import cifs
from scripts.vm.guest.counters import settled
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.tracefs import traced
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import at_rate, rounds, work, working

GUEST = "faults"
# Longer than the emergency threshold: what is still in flight then would be declared.
GONE_S = 2
RATE = 5  # rounds per second
EVENTS = ("smb3_reconnect", "smb3_connect_err", "smb3_connect_done", "smb3_ses_expired")
NAME = "file"


def run(lab: Lab) -> Facts:
    """Work; kill the server and start another; work again as soon as that is possible."""
    (FIRST.path / NAME).touch()
    with lab.mounted(cifs.UNCACHED) as folder, lab.daemon() as daemon:
        daemon.wait_until_watching()
        settled()
        healthy = work(folder, at_rate(RATE, rounds(10)))
        asking = threading.Thread(target=_ask, args=(folder / NAME,))
        with traced(*EVENTS) as trace, working(folder, rounds_per_s=RATE) as tally:
            with lab.samba.paused():
                asking.start()
                in_flight = wait_until(cifs.pending, "a request in flight", 10)
                lab.samba.kill()
            time.sleep(GONE_S)  # for how long it is gone is part of the scenario
            lab.samba.start()
            asking.join()
            wait_until(lambda: work(folder, rounds(1))["delete"], "the share to work again", 30)
        return {
            "healthy": healthy,
            "in_flight": in_flight,
            "tally": tally,
            "after": work(folder, at_rate(RATE, rounds(10))),
            "traced": trace.counts(),
            "exit_status": lab.stop(daemon),
        }


def _ask(path: Path) -> None:
    """One request in flight when the server dies; whether the client asks again is its affair."""
    try:
        path.stat()
    except OSError as error:
        print(f"[guest] stat of a dying server: {error}")
