"""Another client holds a byte-range lock for five seconds; ours asks, and then waits."""

import errno
import fcntl
import threading
import time
from collections import Counter
from pathlib import Path

from scripts.vm.guest import cifs
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.quiet import observed

GUEST = "quiet"
HELD_S = 5
TRIES = 20
OTHER = Path("/mnt/other")


def run(lab: Lab) -> Facts:
    """Lock as one client; as the other try in vain, wait, and get it."""
    with (
        lab.mounted(cifs.UNCACHED) as folder,
        lab.mounted(cifs.APART, mount_point=OTHER) as other,
    ):
        return observed(lab, lambda: _contend(other / "locked", folder / "locked"))


def _contend(theirs: Path, ours: Path) -> Facts:
    with theirs.open("wb") as holder, ours.open("r+b") as waiter:
        fcntl.lockf(holder, fcntl.LOCK_EX)
        refused = Counter(_refusal(waiter.fileno()) for _ in range(TRIES))
        release = threading.Timer(HELD_S, fcntl.lockf, (holder, fcntl.LOCK_UN))
        release.start()
        started = time.monotonic()
        fcntl.lockf(waiter, fcntl.LOCK_EX)
        return {"refused": refused, "waited_s": time.monotonic() - started}


def _refusal(descriptor: int) -> str:
    """How a lock is refused to who does not want to wait."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "granted"
