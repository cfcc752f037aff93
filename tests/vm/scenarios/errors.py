"""The server begins to refuse new files, with ACCESS_DENIED."""

import time

from scripts.vm.guest import faults
from scripts.vm.guest.counters import wait_for_names
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.workload import at_rate, seconds, work, working

GUEST = "faults"
HEALTHY_S = 3
RATE = 10  # rounds per second, of a healthy share


def run(lab: Lab) -> Facts:
    """Work healthily, then in vain until there is a bundle."""
    with lab.mounted() as folder, lab.daemon() as daemon:
        daemon.wait_until_watching()
        wait_for_names(FIRST)
        healthy = work(folder, at_rate(RATE, seconds(HEALTHY_S)))
        known = [path.name for path in daemon.bundles()]
        fault_ns = time.monotonic_ns()
        with faults.creates_denied(), working(folder) as denied:
            daemon.wait_for_bundle()
        return {
            "healthy": healthy,
            "denied": denied,
            "bundles_before": known,
            "fault_ns": fault_ns,
            "exit_status": lab.stop(daemon),
        }
