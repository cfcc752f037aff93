"""The wall clock is set back an hour, seconds before an anomaly: packets and journal around it."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.journal import journal
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import command
from scripts.vm.guest.workload import at_rate, seconds, work, working
from tests.vm.scenarios.recorders import recording, wait_for_recorders

GUEST = "clock"
STEP_S = 3600
BEFORE, AFTER = "a word before the step", "a word after the step"
PAUSE_S = 1.5


def run(lab: Lab) -> Facts:
    """Record, write to the journal; set the clock; write again; be refused until declared."""
    config = lab.configuration(recording)
    with journal(), lab.mounted(cifs.UNCACHED) as folder, lab.daemon(config=config) as daemon:
        daemon.wait_until_watching()
        wait_for_recorders()
        _log(BEFORE)
        work(folder, at_rate(10, seconds(2)))
        with _set_back(STEP_S):
            stepped_ns = time.time_ns()
            # Not a wait for anything: what lies between a step and an anomaly, in real life.
            time.sleep(PAUSE_S)
            _log(AFTER)
            with faults.slow_network(40), working(folder):
                bundle = daemon.wait_for_bundle()
            status = lab.stop(daemon)
        return {"bundle": bundle.name, "stepped_ns": stepped_ns, "exit_status": status}


def _log(text: str) -> None:
    subprocess.run(["systemd-cat", "--identifier=aod-test", "echo", text], check=True)


@contextmanager
def _set_back(seconds_back: int) -> Iterator[None]:
    """The clock an hour behind, for the length of a block: other scenarios want it right."""
    command("date", f"--set=@{time.time() - seconds_back:.3f}")
    try:
        yield
    finally:
        command("date", f"--set=@{time.time() + seconds_back:.3f}")
