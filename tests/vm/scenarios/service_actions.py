"""Every action, under everything that the unit forbids."""

from pathlib import Path

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.counters import wait_for_names
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.service import refusals, service
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.workload import at_rate, rounds, work, working

GUEST = "service"
SYSTEMD = True
TIMEOUT_S = 900
KERNEL_MARK = "a word in the kernel's log, for the service"
ACTIONS = (
    *("dmesg", "journalctl", "debugdata", "stats", "mounts", "smbinfo", "syslogs", "tcpdump"),
    *("cifs", "sockets", "stacks", "system", "trace"),
)
CONFIGURATION = refusals(*ACTIONS, post_sec=1)


def run(lab: Lab) -> Facts:
    """Work, so that there are packets; then be refused until there is a bundle."""
    Path("/dev/kmsg").write_text(f"{KERNEL_MARK}\n")
    Path("/var/log/syslog").write_text("a line of syslog\n")
    with lab.mounted(cifs.UNCACHED) as folder, service(CONFIGURATION) as made:
        made.start()
        made.wait_until_watching()
        wait_for_names(FIRST)
        work(folder, at_rate(5, rounds(10)))
        with faults.creates_denied(), working(folder):
            (bundle,) = made.wait_for_bundles(1)
        lab.keep(bundle)
        made.stop()
        return {"bundle": bundle.name, "entries": made.entries()}
