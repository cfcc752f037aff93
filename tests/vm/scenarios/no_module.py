"""The daemon starts before the cifs module is there: it has to wait, and log that once."""

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.workload import working

WAITING = "waiting for the cifs module"


def run(lab: Lab) -> Facts:
    """Start without the module; mount, which loads it; cause an anomaly; stop; unload it."""
    if cifs.module_loaded():
        cifs.unload_module()
    with lab.daemon() as daemon:
        daemon.wait_for_line(WAITING)
        loaded_while_waiting = cifs.module_loaded()
        with lab.mounted() as folder:
            daemon.wait_until_watching()
            with faults.creates_denied(), working(folder):
                bundle = daemon.wait_for_bundle()
            status = daemon.stop()
        log = daemon.log_file.read_text()
    # Hooks that were left behind would keep the module in use.
    cifs.unload_module()
    return {
        "loaded_while_waiting": loaded_while_waiting,
        "said_waiting": log.count(WAITING),
        "bundle": bundle.name,
        "exit_status": status,
    }
