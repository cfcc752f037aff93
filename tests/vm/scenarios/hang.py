"""The server stops answering: the operation is declared while it hangs, before anybody answers."""

import time

from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.workload import rounds, work, working

HANG_LONGER_THAN_S = 3


def run(lab: Lab) -> Facts:
    """Work, stop the server until the anomaly is declared and a while longer, then let it go on."""
    config = lab.configuration(_emergencies_only)
    with lab.mounted() as folder, lab.daemon(config=config) as daemon:
        daemon.wait_until_watching()
        work(folder, rounds(3))
        with working(folder):
            with lab.samba.paused():
                paused_ns = time.monotonic_ns()
                daemon.wait_for_line("Latency anomaly")
                declared_ns = time.monotonic_ns()
                bundle = daemon.wait_for_bundle()
                _stay_until(paused_ns + HANG_LONGER_THAN_S * 10**9)
            resumed_ns = time.monotonic_ns()
        log = daemon.log.read_text()
        return {
            "paused_ns": paused_ns,
            "declared_ns": declared_ns,
            "resumed_ns": resumed_ns,
            "bundle": lab.keep(bundle),
            "declarations": log.count("Latency anomaly"),
            "exit_status": daemon.stop(),
        }


def _emergencies_only(text: str) -> str:
    """A guest in emulation may well be slow enough for a count; this is about one operation."""
    return text.replace("acceptable_count: 10 ", "acceptable_count: 100000 ")


def _stay_until(moment_ns: int) -> None:
    """The length of the pause is part of the scenario, not a wait for something."""
    time.sleep(max(0, moment_ns - time.monotonic_ns()) / 1e9)
