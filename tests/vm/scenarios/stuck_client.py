"""A file of /proc/fs/cifs hangs its readers in the kernel, and everybody wants to read there.

A FUSE file that never answers is laid over DebugData: that a lock of the client's is never released
cannot be brought about from outside."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from scripts.vm.guest import cifs
from scripts.vm.guest.daemon import BIN, Daemon
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import command
from scripts.vm.guest.wait import wait_until
from tests.kernel.fuse import HangingFile, hanging_file

GUEST = "faults"
TIMEOUT_S = 240
RESTARTS: Final = 2
BUNDLES: Final = 2
_HANGS_S: Final = 6


def run(lab: Lab) -> Facts:
    """Restart collect, make bundles, ask for the status; and once more when the file works."""
    with lab.mounted(), lab.daemon() as daemon:
        with _hanging_debugdata() as hanging:
            daemon.wait_until_watching()
            wait_until(hanging.asked.is_set, "the first reader", 30)
            for _ in range(RESTARTS):
                _restart_collect(daemon)
            time.sleep(_HANGS_S)  # from here on it hangs
            stuck = {
                "made": _bundles_at_once(BUNDLES),
                "status": _status(),
                "readers": len(_readers(hanging.path)),
            }
        works = {"made": _bundles_at_once(1), "status": _status()}
        return {"stuck": stuck, "works": works, "exit_status": lab.stop(daemon)}


@contextmanager
def _hanging_debugdata() -> Iterator[HangingFile]:
    command("modprobe", "fuse")
    with hanging_file(Path("/run/lab/fuse")) as hanging:
        command("mount", "--bind", hanging.path, cifs.DEBUG_DATA)
        try:
            yield hanging
        finally:
            command("umount", "--lazy", cifs.DEBUG_DATA)


def _restart_collect(daemon: Daemon) -> None:
    pid = daemon.wait_for_worker("collect")
    known = daemon.log().count("attached to the cifs client")
    os.kill(pid, signal.SIGKILL)
    daemon.wait_for_worker("collect", other_than=pid)
    wait_until(
        lambda: daemon.log().count("attached to the cifs client") > known, "collect to attach", 60
    )


def _bundles_at_once(count: int) -> list[str]:
    """Make so many bundles at the same time; their names."""
    argv = [str(BIN / "aod-stage"), "capture", "--now", "latency"]
    making = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return [Path(one.communicate()[0].strip()).name for one in making]


def _status() -> Facts:
    argv = [str(BIN / "aod"), "status"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
    return {"exit_code": done.returncode, "text": done.stdout}


def _readers(path: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_cat = (process / "comm").read_text() == "cat\n"
            opened = {fd.readlink() for fd in (process / "fd").iterdir()} if is_cat else set()
            if opened & {path, cifs.DEBUG_DATA}:
                found.append(int(process.name))
    return found
