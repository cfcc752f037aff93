"""A kernel that was booted into lockdown: what it says of its mode, and what the daemon says."""

import os
import subprocess
import sys
from pathlib import Path

from scripts.vm.guest.lab import Facts, Lab

GUEST = "locked-down"
KERNEL_ARGUMENTS = "lockdown=confidentiality"
SECURITYFS = Path("/sys/kernel/security")
LOADING = """
from aod.kernel.objects import program
from aod.kernel.tracer import probe
try:
    probe(program())
except OSError as error:
    print(error.errno)
"""


def run(lab: Lab) -> Facts:
    """Load the object, start the daemon; once more where lockdown cannot be read."""
    loading = subprocess.run(
        [sys.executable, "-c", LOADING], check=True, capture_output=True, text=True
    )
    hidden = ["unshare", "--mount", "sh", "-c", f'umount {SECURITYFS} && exec "$@"', "sh"]
    return {
        "mode": (SECURITYFS / "lockdown").read_text(),
        "release": os.uname().release,
        "errno": int(loading.stdout),
        "said": _said(lab, "seen"),
        "said_hidden": _said(lab, "hidden", *hidden),
    }


def _said(lab: Lab, name: str, *prefix: str) -> list[object]:
    """How the daemon ends, and all that it says."""
    daemon = lab.daemon(name=name)
    daemon.command = [*prefix, *daemon.command]
    daemon.start()
    status = daemon.process.wait(60)
    return [status, daemon.log_file.read_text()]
