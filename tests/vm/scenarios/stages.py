"""One stage by hand: operations printed as they finish, beside a daemon that goes on."""

import signal
import subprocess

from scripts.vm.guest.daemon import SUPERVISOR
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import rounds, work

STAGE = SUPERVISOR.with_name("aod-stage")


def run(lab: Lab) -> Facts:
    """Print while a file is worked on and another is missing."""
    printed = lab.artefacts / "printed.txt"
    with lab.mounted() as folder, lab.daemon() as daemon, printed.open("wb") as output:
        daemon.wait_until_watching()
        command = [str(STAGE), "collect", "--print", "-c", str(lab.configuration(str))]
        printer = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        wait_until(lambda: b"latency" in printed.read_bytes(), "the printer's heading", 30)
        work(folder, rounds(1))
        (folder / "missing").exists()
        wait_until(lambda: b"NAME_NOT_FOUND" in printed.read_bytes(), "the missing file", 30)
        printer.send_signal(signal.SIGINT)
        return {
            "printed": printed.read_text(),
            "printer": printer.wait(20),
            "daemon": daemon.stop(),
        }
