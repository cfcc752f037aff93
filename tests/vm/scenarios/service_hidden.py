"""Shares below /tmp, of which the service has its own, and below a home; with and without the right
to look at the host's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.vm.guest import cifs
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import command
from scripts.vm.guest.service import refusals, service
from scripts.vm.guest.shares import FIRST, SECOND, Share

GUEST = "service"
SYSTEMD = True
TIMEOUT_S = 900
BEFORE = Path("/tmp/before")
AFTER = Path("/tmp/after")
HOME = Path("/home/somebody/share")
_AOD = "/opt/aod/bin/aod"
_BELOW = Share(f"{FIRST.name}/below", FIRST.address)


def run(lab: Lab) -> Facts:
    """A snapshot of each service; one share is mounted before it starts, one after that."""
    (FIRST.path / "below").mkdir()
    with lab.mounted(cifs.UNCACHED, FIRST, BEFORE), lab.mounted(cifs.UNCACHED, _BELOW, HOME):
        with _running("smbinfo", "mounts") as bundle:
            without = lab.keep(bundle)
        with _running("smbinfo", "stacks") as bundle:
            with_ptrace = lab.keep(bundle)
    return {"without": without, "with": with_ptrace}


@contextmanager
def _running(*actions: str) -> Iterator[Path]:
    """A bundle of a service with these actions."""
    with service(refusals(*actions)) as made:
        made.start()
        made.wait_until_watching()
        with cifs.mounted(cifs.UNCACHED, SECOND, AFTER):
            yield Path(command(_AOD, "snapshot", "--wait", timeout_s=120).split()[-1])
        made.stop()
