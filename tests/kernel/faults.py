"""The real daemon with sources of our making, and what has to hold after each fault."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aod.state import spool
from aod.state.names import AUDIT_FILE
from scripts.vm.guest.wait import wait_until
from tests.rig import configs
from tests.rig.bundles import Bundle, open_bundle
from tests.rig.daemon import LocalDaemon

LINKED: Final = ("sh", "cat", "sleep", "head", "yes", "true", "mount", "umount")
FAKED: Final = "uname"
"""The program of our making; the first command that `system` runs after reading files."""
WELL: Final = "echo well"


def configuration(**capture: Any) -> dict[str, Any]:
    """Every emergency is an anomaly; its sources are quick."""
    anomaly = configs.EMERGENCIES | {"actions": ["mounts", "system"]}
    limits = configs.SMALL_DISK | {"post_sec": 0, "action_timeout_sec": 1}
    return {
        "guardian": {"anomalies": {"slow": anomaly}},
        "capture": limits | capture,
        "supervision": configs.EAGER,
    }


class Faulty:
    """A daemon whose programs are those of a folder, and what it is expected to do."""

    def __init__(self, daemon: LocalDaemon, programs: Path) -> None:
        self.daemon = daemon
        self._programs = programs
        self.fake(WELL)
        for name in LINKED:
            (programs / name).symlink_to(str(shutil.which(name)))

    def fake(self, script: str | None) -> None:
        """What the faked program does from now on; None: there is no such program."""
        path = self._programs / FAKED
        path.unlink(missing_ok=True)
        if script is not None:
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)

    def trigger(self, count: int = 1) -> None:
        """So many anomalies."""
        self.daemon.emergency(count)

    def capture(self) -> Bundle:
        """The bundle of one more anomaly."""
        known = set(self.daemon.bundles())
        self.trigger()
        return open_bundle(self.daemon.wait_for_bundle(known))

    def sources(self, bundle: Bundle) -> list[dict[str, Any]]:
        """What the manifest states of the faked program."""
        sources = bundle.manifest["sources"]
        return [one for one in sources if one["command"] and one["command"][0] == FAKED]

    def check_well(self, pid: int) -> None:
        """The supervisor is the same, its workers send heartbeats, nothing is left, and the next
        anomaly is captured."""
        assert self.daemon.process.pid == pid
        assert self.daemon.process.poll() is None
        self.fake(WELL)
        (source,) = self.sources(self.capture())
        assert source["status"] == "ok"
        wait_until(lambda: not self.unfinished(), f"an end of {self.unfinished()}")
        wait_until(lambda: not self.leftovers(), f"an end of {self.leftovers()}")

    def unfinished(self) -> list[str]:
        """What is neither a bundle nor the audit log, and what waits."""
        folders = (self.daemon.output_dir, self.daemon.state_dir / spool.FOLDER)
        names = [path.name for folder in folders for path in folder.iterdir()]
        return [
            name
            for name in names
            if not name.endswith(".tar.zst") and not name.startswith(AUDIT_FILE)
        ]

    def leftovers(self) -> list[int]:
        """Processes of this daemon's that are neither it nor its workers."""
        mark = b"PATH=" + os.fsencode(self._programs)
        own = set(self.daemon.pids())
        return [pid for pid in _with_environment(mark) if pid not in own]


def _with_environment(mark: bytes) -> Iterator[int]:
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark in (process / "environ").read_bytes().split(b"\0"):
                yield int(process.name)
        except OSError:
            continue  # it ended meanwhile


@contextmanager
def faulty(base: Path, pin_dir: Path, **capture: Any) -> Iterator[Faulty]:
    """A running daemon."""
    programs = base / "programs"
    programs.mkdir()
    daemon = LocalDaemon(base, pin_dir, configuration(**capture))
    daemon.environment["PATH"] = str(programs)
    found = Faulty(daemon, programs)
    with daemon:
        yield found


@contextmanager
def small_disk(folder: Path, size_kb: int) -> Iterator[Path]:
    """A file system of its own in a folder."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k,mode=750", "aod-test", str(folder)]
    subprocess.run(command, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
