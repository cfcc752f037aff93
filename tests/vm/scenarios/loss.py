"""The network loses every fifth packet. TCP hides the loss and shows the time that it costs.

A request or an answer that is lost comes again after 200 ms at the earliest (TCP_RTO_MIN), lost
twice after 600 ms, three times after 1.4 s; all requests of the connection wait together. So slow
operations come in bunches, and after a while one of them has been in flight for a second.
"""

import time

from scripts.vm.guest import faults
from scripts.vm.guest.counters import wait_for_names
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.workload import rounds, work, working

GUEST = "faults"
LOSS_PERCENT = 20
WORKERS = 4
TIMEOUT_S = 240


def run(lab: Lab) -> Facts:
    """Work healthily, then on the lossy network until an operation was lost three times."""
    with lab.mounted() as folder, lab.daemon() as daemon:
        daemon.wait_until_watching()
        wait_for_names(FIRST)
        healthy = work(folder, rounds(10))
        fault_ns = time.monotonic_ns()
        with working(folder, workers=WORKERS) as lossy:
            with faults.lossy_network(LOSS_PERCENT):
                daemon.wait_for_line("emergency threshold", timeout_s=200)
            declared_ns = time.monotonic_ns()
        return {
            "healthy": healthy,
            "lossy": lossy,
            "lossy_s": (declared_ns - fault_ns) / 1e9,
            "exit_status": lab.stop(daemon),
        }
