"""Nothing goes wrong: a healthy share, files as programs use them, for a while."""

from scripts.vm.guest import cifs
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.workload import at_rate, seconds, work

DURATION_S = 20
RATE = 10  # rounds per second


def run(lab: Lab) -> Facts:
    """Work for DURATION_S under the daemon's eyes."""
    with lab.mounted() as folder, lab.daemon() as daemon:
        daemon.wait_until_watching()
        before = cifs.command_counts()
        tally = work(folder, at_rate(RATE, seconds(DURATION_S)))
        sent = cifs.difference(before, cifs.command_counts())
        return {
            "tally": tally,
            "sent": {command: count.total for command, count in sent.items()},
            "bundles": [path.name for path in daemon.bundles()],
            "exit_status": daemon.stop(),
            "bundles_after_stop": [path.name for path in daemon.bundles()],
        }
