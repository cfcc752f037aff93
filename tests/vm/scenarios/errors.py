"""The server begins to refuse new files, with ACCESS_DENIED."""

import time

from scripts.vm.guest import faults
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.workload import at_rate, seconds, work, working

HEALTHY_S = 3
RATE = 10  # rounds per second, of a healthy share


def run(lab: Lab) -> Facts:
    """Work healthily, then in vain until there is a bundle."""
    with lab.mounted() as folder, lab.daemon() as daemon:
        daemon.wait_until_watching()
        healthy = work(folder, at_rate(RATE, seconds(HEALTHY_S)))
        known = set(daemon.bundles())
        fault_ns = time.monotonic_ns()
        with faults.creates_denied(), working(folder) as denied:
            bundle = daemon.wait_for_bundle(known)
        return {
            "healthy": healthy,
            "denied": denied,
            "bundles_before": [path.name for path in known],
            "fault_ns": fault_ns,
            "bundle": lab.keep(bundle),
            "exit_status": daemon.stop(),
        }
