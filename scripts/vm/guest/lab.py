"""What a scenario works with: a Samba server that runs, a share to mount, a daemon to start.

A scenario is a file tests/vm/scenarios/NAME.py with `run(lab) -> dict`. It gathers facts, which
have to fit into JSON, and judges nothing: that is for the tests on the host, which get the facts.
It may set TIMEOUT_S, its time limit in the guest, and CPUS: with the usual one, times can be relied
on, with two, things happen at the same time. Scenarios that set the same GUEST, a word, run in a
guest of their own beside the others; with SYSTEMD = True, in one whose first process is systemd;
with KERNEL_ARGUMENTS, in one whose kernel was told so.
"""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.daemon import CONFIGURATION, Daemon
from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.samba import Samba
from scripts.vm.guest.shares import FIRST, Share

# Where daemons keep things while they run; a scenario begins without any.
_DAEMON_FOLDERS = ("/run/aod*", "/var/lib/aod*", "/var/log/aod*", "/sys/fs/bpf/*")

Facts: TypeAlias = dict[str, object]


class Lab:
    """One scenario's view of the guest. `artefacts` is its folder among the results on the host."""

    def __init__(self, artefacts: Path) -> None:
        self.artefacts = artefacts
        self.samba = Samba()

    def mounted(
        self, options: str = cifs.OPTIONS, share: Share = FIRST, mount_point: Path | None = None
    ) -> AbstractContextManager[Path]:
        """Mount a share for the length of a block; yields the mount point."""
        return cifs.mounted(options, share, mount_point)

    def daemon(self, *arguments: str, config: Path = CONFIGURATION, name: str = "daemon") -> Daemon:
        """A daemon that logs to NAME.log among the artefacts; not started yet."""
        return Daemon(self.artefacts / f"{name}.log", config, *arguments)

    def configuration(self, change: Callable[[str], str], name: str = "aod") -> Path:
        """A changed copy of the repository's configuration, kept among the artefacts."""
        path = self.artefacts / f"{name}.yaml"
        path.write_text(change(CONFIGURATION.read_text()))
        return path

    def stop(self, daemon: Daemon) -> int:
        """Stop a daemon, keep all its bundles, and return its exit status."""
        status = daemon.stop()
        folder = daemon.log_file.with_suffix("")
        folder.mkdir()
        for path in daemon.bundles():
            shutil.copy(path, folder)
        return status

    def keep(self, path: Path) -> str:
        """Copy a file to the host; returns its name among the artefacts."""
        shutil.copy(path, self.artefacts / path.name)
        return path.name


def replaced(text: str, old: str, new: str) -> str:
    """`text` with `old` replaced; LabError if it is not there: a change that changes nothing."""
    if old not in text:
        raise LabError(f"the configuration has no {old!r}")
    return text.replace(old, new)


def reset(samba: Samba) -> None:
    """Bring the guest to where every scenario begins: server up, shares empty, nothing mounted."""
    faults.heal_network()
    samba.resume()
    cifs.unmount_all()
    samba.ensure()
    command("dmesg", "--clear")
    for pattern in _DAEMON_FOLDERS:
        for folder in Path("/").glob(pattern.lstrip("/")):
            shutil.rmtree(folder, ignore_errors=True)
