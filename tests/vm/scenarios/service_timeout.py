"""A stop that takes too long is ended by systemd, in the middle of a bundle."""

from contextlib import suppress
from pathlib import Path

from scripts.vm.guest import faults
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import LabError
from scripts.vm.guest.service import comm, refusals, service
from scripts.vm.guest.workload import working

GUEST = "service"
SYSTEMD = True
TIMEOUT_S = 900
# The command that removes what is left has as long, too, and is slow in an emulated guest.
SETTINGS = {"TimeoutStopSec": "12"}
# Capture waits for what follows the trigger, and would do so for long after systemd's patience.
CONFIGURATION = refusals("journalctl", post_sec=300, more="supervision: {drain_timeout_sec: 100}\n")
# A capture that does not wait.
HURRIED = CONFIGURATION.replace("post_sec: 300", "post_sec: 0")


def run(lab: Lab) -> Facts:
    """Stop while a bundle is in the making; start again."""
    with lab.mounted() as folder:
        with service(CONFIGURATION, SETTINGS) as made:
            made.start()
            made.wait_until_watching()
            with faults.creates_denied(), working(folder):
                made.wait_for_entry("Error anomaly")
            with suppress(LabError):
                made.stop()
            end = made.show("ActiveState", "Result")
            left = [str(one) for at in ("/run/aod", "/sys/fs/bpf") for one in Path(at).glob("*")]
            processes = [comm(pid) for pid in made.pids()]
            sealed = [path.name for path in made.bundles()]
        with service(HURRIED) as made:
            made.start()
            made.wait_for_bundles(1)
            made.stop()
            return {
                "end": end,
                "left": left,
                "processes": processes,
                "sealed_before": sealed,
                "bundles": [path.name for path in made.bundles()],
            }
