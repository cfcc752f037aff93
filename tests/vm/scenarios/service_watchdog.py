"""A worker hangs, and then the supervisor itself, in the middle of a fault."""

import os
import signal
from contextlib import suppress

from scripts.vm.guest import faults
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import LabError
from scripts.vm.guest.service import Service, refusals, service
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import working

GUEST = "service"
SYSTEMD = True
TIMEOUT_S = 900
# The unit's own patience would only make the test longer.
SETTINGS = {"WatchdogSec": "8"}
CONFIGURATION = refusals("mounts", more="supervision: {heartbeat_timeout_sec: 3}\n")


def run(lab: Lab) -> Facts:
    """Stop detect with a signal; then the supervisor while operations fail."""
    with lab.mounted() as folder, service(CONFIGURATION, SETTINGS) as made:
        made.start()
        made.wait_until_watching()
        facts: Facts = {"worker": _stop_worker(made)}
        first = made.main_pid()
        os.kill(first, signal.SIGSTOP)
        with faults.creates_denied(), working(folder, rounds_per_s=5):
            made.wait_for("NRestarts", "[1-9]", 120)
            made.wait_for("ActiveState", "^active$", 120)
            made.wait_until_watching()
            made.wait_for_bundles(1)
        facts["supervisor"] = {
            "replaced": made.main_pid() != first,
            **made.show("NRestarts", "ActiveState"),
        }
        made.stop()
        bundles = [path.name for path in made.bundles()]
        return facts | {"bundles": bundles, "entries": made.entries()}


def _stop_worker(made: Service) -> Facts:
    main, detect = made.main_pid(), made.pid_of("detect")
    os.kill(detect, signal.SIGSTOP)

    def successor() -> bool:
        with suppress(LabError):  # in between there is none
            return made.pid_of("detect") != detect
        return False

    wait_until(successor, f"another detect than {detect}", 60, 0.5)
    made.wait_until_watching()
    return {"same_supervisor": made.main_pid() == main, **made.show("NRestarts", "ActiveState")}
