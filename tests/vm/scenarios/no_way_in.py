"""Hosts where a mount does not load the cifs module, and those whose modules lie elsewhere."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.vm.guest import cifs
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.shares import FIRST
from tests.vm.scenarios.no_module import WAITING

CONFIGURATION = Path("/etc/modprobe.d/aod-test.conf")
LINES = {"blacklist": "blacklist cifs", "install": "install cifs /bin/false"}

# Each in a mount namespace of its own, where a container's or NixOS's folders are made.
HIDDEN = "mount -t tmpfs none /lib/modules"
ELSEWHERE = """
folder=/run/booted-system/kernel-modules/lib/modules/$(uname -r)
mkdir -p $folder; mount --bind /lib/modules/$(uname -r) $folder; mount -t tmpfs none /lib/modules
"""
WITHOUT = f"""
{HIDDEN}; mkdir /lib/modules/$(uname -r)
echo kernel/fs/ext4/ext4.ko: > /lib/modules/$(uname -r)/modules.dep
"""
CHECK = """
from pathlib import Path
from aod.host import preflight
try:
    preflight.check(Path("/sys/fs/bpf/aod"))
except preflight.PreflightError as error:
    print(error)
"""


def run(lab: Lab) -> Facts:
    """Start the daemon under each of the lines, and try a mount; then move the modules about."""
    if cifs.module_loaded():
        cifs.unload_module()
    return {
        **{name: _forbidden(lab, name, line) for name, line in LINES.items()},
        "hidden": _checked(HIDDEN),
        "elsewhere": _checked(ELSEWHERE),
        "without": _checked(WITHOUT),
    }


def _forbidden(lab: Lab, name: str, line: str) -> list[object]:
    """What the daemon says while it waits, and whether a mount then loads the module."""
    with _configured(line), lab.daemon(name=name) as daemon:
        daemon.wait_for_line(WAITING)
        with contextlib.suppress(LabError):
            cifs.mount(cifs.OPTIONS, FIRST, FIRST.mount_point)
        lines = daemon.log_file.read_text().splitlines()
        return [next(one for one in lines if WAITING in one), cifs.module_loaded()]


@contextlib.contextmanager
def _configured(line: str) -> Iterator[None]:
    CONFIGURATION.write_text(f"{line}\n")
    try:
        yield
    finally:
        CONFIGURATION.unlink()


def _checked(prepare: str) -> str:
    """What preflight says, once the folders were made; empty: all is well."""
    script = f'set -e; {prepare}\nexec "$@"'
    return command("unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-c", CHECK)
