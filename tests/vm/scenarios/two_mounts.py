"""Two shares of two servers are mounted and worked on; one of them becomes slow, then refuses."""

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.counters import wait_for_names
from scripts.vm.guest.lab import Facts, Lab, replaced
from scripts.vm.guest.shares import FIRST, SECOND
from scripts.vm.guest.workload import rounds, work, working

GUEST = "faults"
DELAY_MS = 45


def run(lab: Lab) -> Facts:
    """Work on both all the time; the faults are the second one's."""
    with (
        lab.mounted() as first,
        lab.mounted(share=SECOND) as second,
        lab.daemon(config=lab.configuration(_much_slower)) as daemon,
    ):
        daemon.wait_until_watching()
        wait_for_names(FIRST)
        wait_for_names(SECOND)
        work(first, rounds(3))
        work(second, rounds(3))
        with working(first) as healthy:
            with faults.slow_network(DELAY_MS, SECOND), working(second) as slow:
                daemon.wait_for_line("Latency anomaly")
            with faults.creates_denied(SECOND), working(second) as denied:
                daemon.wait_for_line("Error anomaly")
        return {
            "trees": cifs.trees(),
            "healthy": healthy,
            "slow": slow,
            "denied": denied,
            "exit_status": lab.stop(daemon),
        }


def _much_slower(text: str) -> str:
    """The guest has one processor, and it is slow: a program that starts, or the daemon that looks
    at a match, makes operations of any mount wait for 20 to 45 ms.
    """
    text = replaced(text, "default_threshold_ms: 20", "default_threshold_ms: 80")
    return replaced(text, "threshold: 50", "threshold: 80")
