"""The network becomes slow under a workload that was healthy before."""

import time

from scripts.vm.guest import faults
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.workload import at_rate, seconds, work, working

HEALTHY_S = 3
RATE = 10  # rounds per second, of a healthy share
DELAY_MS = 40


def run(lab: Lab) -> Facts:
    """Work healthily, then slowly until there is a bundle."""
    with lab.mounted() as folder, lab.daemon() as daemon:
        daemon.wait_until_watching()
        healthy = work(folder, at_rate(RATE, seconds(HEALTHY_S)))
        known = set(daemon.bundles())
        fault_ns = time.monotonic_ns()
        with working(folder) as slow, faults.slow_network(DELAY_MS):
            bundle = daemon.wait_for_bundle(known)
        return {
            "healthy": healthy,
            "slow": slow,
            "bundles_before": [path.name for path in known],
            "fault_ns": fault_ns,
            "bundle": lab.keep(bundle),
            "exit_status": daemon.stop(),
        }
