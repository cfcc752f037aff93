"""What a scenario works with: a Samba server that runs, a share to mount, a daemon to start.

A scenario is a file tests/vm/scenarios/NAME.py with `run(lab) -> dict`. It gathers facts, which
have to fit into JSON, and judges nothing: that is for the tests on the host, which get the facts.
It may set TIMEOUT_S, its time limit in the guest, and CPUS: with the usual one, times can be relied
on, with two, things happen at the same time.
"""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.daemon import CONFIGURATION, Daemon
from scripts.vm.guest.processes import command
from scripts.vm.guest.samba import Samba

# Where the daemon keeps things while it runs; a scenario begins without any.
_DAEMON_FOLDERS = (Path("/run/aod"), Path("/var/lib/aod"), Path("/var/log/aod"))
_BPFFS = Path("/sys/fs/bpf")

Facts: TypeAlias = dict[str, object]


class Lab:
    """One scenario's view of the guest. `artefacts` is its folder among the results on the host."""

    def __init__(self, artefacts: Path) -> None:
        self.artefacts = artefacts
        self.samba = Samba()

    def mounted(self, options: str = cifs.OPTIONS) -> AbstractContextManager[Path]:
        """Mount the share for the length of a block; yields the mount point."""
        return cifs.mounted(options)

    def daemon(self, *arguments: str, config: Path = CONFIGURATION) -> Daemon:
        """A daemon that logs among the artefacts; not started yet."""
        return Daemon(self.artefacts / "daemon.log", config, *arguments)

    def configuration(self, change: Callable[[str], str]) -> Path:
        """A changed copy of the repository's configuration, kept among the artefacts."""
        path = self.artefacts / "aod.yaml"
        path.write_text(change(CONFIGURATION.read_text()))
        return path

    def keep(self, path: Path) -> str:
        """Copy a file to the host; returns its name among the artefacts."""
        shutil.copy(path, self.artefacts / path.name)
        return path.name


def reset(samba: Samba) -> None:
    """Bring the guest to where every scenario begins: server up, share empty, nothing mounted."""
    faults.heal_network()
    samba.resume()
    cifs.unmount()
    samba.ensure()
    command("dmesg", "--clear")
    for folder in (*_DAEMON_FOLDERS, *_BPFFS.iterdir()):
        shutil.rmtree(folder, ignore_errors=True)
