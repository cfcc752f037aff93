"""Programs that wait for changes in a folder of the share, where nothing changes for long."""

import ctypes
import fcntl
import os
import signal
import time
from pathlib import Path

from scripts.vm.guest import cifs
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.quiet import observed
from scripts.vm.guest.watch import watched

GUEST = "quiet"
WAIT_S = 10

_IN_CREATE = 0x100  # inotify(7)


def run(lab: Lab) -> Facts:
    """Watch in three ways at once, and see what each of them sends."""
    with lab.mounted() as folder:
        (folder / "watched").mkdir()
        return observed(lab, lambda: _watch(folder / "watched"))


def _watch(folder: Path) -> Facts:
    inotify = _inotify(folder)
    after_inotify = _notifies()
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    fcntl.fcntl(descriptor, fcntl.F_NOTIFY, fcntl.DN_CREATE | fcntl.DN_MULTISHOT)
    after_dnotify = _notifies()
    with watched(folder) as waiting:
        time.sleep(WAIT_S)  # how long nothing happens is the scenario
        waited = waiting.is_alive()
    os.close(descriptor)
    return {
        "inotify": after_inotify,
        "dnotify": after_dnotify,
        "ioctl": _notifies(),
        "waited": waited,
        "told_by_inotify": len(os.read(inotify, 4096)),
    }


def _inotify(folder: Path) -> int:
    """A descriptor that reports new files, by the C library: Python has no inotify."""
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = library.inotify_init()
    if descriptor < 0 or library.inotify_add_watch(descriptor, bytes(folder), _IN_CREATE) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    return int(descriptor)


def _notifies() -> int:
    """How many CHANGE_NOTIFY the client has sent."""
    return cifs.command_counts()["SMB2_CHANGE_NOTIFY"].total
