"""An unprivileged user tries everything that a daemon with every action has made and holds."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from scripts.vm.guest import faults, stranger_probe
from scripts.vm.guest.belongings import Snapshot, descriptors, shown_by_proc
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.proc import family
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import at_rate, seconds, work, working
from tests.vm.scenarios.every_action import CONFIGURATION

GUEST = "stranger"
TIMEOUT_S = 300
UID: Final = 54321
DELAY_MS: Final = 40
PLANTED: Final = Path("/run/planted")


def run(lab: Lab) -> Facts:
    """Make a bundle, begin a second one, and let the stranger look meanwhile."""
    config = lab.configuration(lambda _: CONFIGURATION)
    lab.artefacts.chmod(0o700)  # the daemon's log in it is the rig's own
    # Byte code would be new in a clone below /tmp; in an installed package it is there before.
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with lab.mounted() as folder:
        before = Snapshot.take()
        with lab.daemon(config=config) as daemon:
            daemon.wait_until_watching()
            work(folder, at_rate(10, seconds(1)))
            with faults.slow_network(DELAY_MS), working(folder):
                daemon.wait_for_bundle()
            facts = _looked(before, daemon.pid)
            with _planted() as pid:
                control = _looked(before, daemon.pid, pid)
            return {"found": facts, "control": control, "exit_status": lab.stop(daemon)}


def _looked(before: Snapshot, daemon: int, *more: int) -> dict[str, Any]:
    """What is there, and what of it is open to the stranger."""
    after, pids = Snapshot.take(), [*family(daemon), *more]
    held = {path: what for pid in pids for path, what in descriptors(pid).items()}
    named = {what for what in held.values() if what.startswith("/") and not _is_common(what)}
    paths = {*(after.paths - before.paths), *held, *named}
    asked = {
        "paths": sorted(paths),
        "pids": pids,
        "abstract": [*(after.abstract - before.abstract)],
    }
    shown = {pid: shown_by_proc(pid) for pid in pids}
    return (
        asked
        | _asked(asked)
        | {
            "rows": sorted(after.rows - before.rows),
            "held": sorted(set(held.values())),
            "shown": shown,
        }
    )


def _is_common(path: str) -> bool:
    """What is there for everybody, with a daemon or without."""
    return path.startswith(("/dev/null", "/dev/urandom", "/usr/", "/lib", "/proc/"))


def _asked(asked: dict[str, Any]) -> dict[str, Any]:
    """Ask the stranger; he has nothing but the program itself."""
    program = Path(stranger_probe.__file__).read_text()
    python = Path(sys.executable).resolve()  # the venv may lie below /root, where he may not go
    done = subprocess.run(
        [str(python), "-I", "-c", program],
        input=json.dumps(asked),
        user=UID,
        group=UID,
        extra_groups=[],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@contextmanager
def _planted() -> Iterator[int]:
    """Mistakes of every kind, that must be found; the pid of a process of the stranger's own."""
    with ExitStack() as stack:
        PLANTED.mkdir(mode=0o755)
        for name, mode in (("readable", 0o644), ("writable", 0o662), ("program", 0o755)):
            (PLANTED / name).write_text("x")
            (PLANTED / name).chmod(mode)
        (PLANTED / "open-folder").mkdir()
        (PLANTED / "open-folder").chmod(0o777)
        for address in (str(PLANTED / "socket"), "\0planted"):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
        (PLANTED / "socket").chmod(0o666)
        victim = subprocess.Popen(["sleep", "600"], user=UID, group=UID, extra_groups=[])
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        program = Path(f"/proc/{victim.pid}/exe")
        wait_until(lambda: program.readlink().name.endswith("sleep"), "the victim", 20)
        yield victim.pid
