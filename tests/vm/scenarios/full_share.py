"""No byte is free on the share: writes fail, and a configuration that tracks ENOSPC says so."""

from scripts.vm.guest import faults
from scripts.vm.guest.counters import wait_for_names
from scripts.vm.guest.lab import Facts, Lab, replaced
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.workload import rounds, work, working

GUEST = "faults"


def run(lab: Lab) -> Facts:
    """Work healthily, then on a full share until there is a bundle."""
    config = lab.configuration(_with_enospc)
    with lab.mounted() as folder, lab.daemon(config=config) as daemon:
        daemon.wait_until_watching()
        wait_for_names(FIRST)
        healthy = work(folder, rounds(10))
        with faults.full_share(), working(folder) as full:
            daemon.wait_for_bundle()
        return {"healthy": healthy, "full": full, "exit_status": lab.stop(daemon)}


def _with_enospc(text: str) -> str:
    """conf/aod.yaml tracks three errno only; a full share is not among them."""
    return replaced(text, "        - EIO\n", "        - EIO\n        - ENOSPC\n")
