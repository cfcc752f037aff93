"""Checks, before anything starts, whether this kernel and this user can do it."""

import errno
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

from aod.host import capabilities
from aod.host.capabilities import Capability
from aod.kernel.errors import TracerError
from aod.kernel.objects import OBJECT_VARIABLE, program
from aod.kernel.tracer import probe

LOCKDOWN: Final = Path("/sys/kernel/security/lockdown")


class PreflightError(Exception):
    """This kernel or this user cannot; the text says why, and what to do."""


def check(pin_dir: Path) -> None:
    """Check all that would stop the collector, in the order in which a user can fix it.

    Raises PreflightError: something is missing."""
    held = capabilities.effective()
    needed = (Capability.BPF, Capability.PERFMON)
    if missing := [f"CAP_{one.name}" for one in needed if one not in held]:
        raise PreflightError(
            f"{' and '.join(missing)} missing: run it as root, or as the systemd service"
        )
    release = platform.release()
    if OBJECT_VARIABLE not in os.environ and not cifs_may_load(release):
        raise PreflightError(
            f"this kernel ({release}) has no cifs client: it is not loaded, and there is no "
            f"module for it in /lib/modules/{release}"
        )
    try:
        probe(program())
    except TracerError as error:
        raise PreflightError(explain(error, lockdown())) from error
    _check_bpffs(pin_dir)


def cifs_may_load(release: str, root: Path = Path("/")) -> bool:
    """Whether the cifs client is loaded or built in, or a mount would load its module."""
    if (root / "sys/module/cifs").exists() or (root / "proc/fs/cifs").exists():
        return True
    folder = root / "lib/modules" / release
    return any(
        path.exists() and "/cifs.ko" in path.read_text(errors="replace")
        for path in (folder / "modules.dep", folder / "modules.builtin")
    )


def lockdown(path: Path = LOCKDOWN) -> str:
    """The kernel's lockdown mode; empty if it has none."""
    try:
        text = path.read_text()
    except OSError:
        return ""
    return text.partition("[")[2].partition("]")[0]


def explain(error: TracerError, lockdown_mode: str) -> str:
    """Why the kernel refused the eBPF object, in one line."""
    if error.errno == errno.EPERM:
        mode = f" (lockdown: {lockdown_mode})" if lockdown_mode else ", as a locked down one does"
        return f"this kernel refuses eBPF tracing programs{mode}"
    return f"this kernel does not take the eBPF object: {' '.join(str(error).split())}"


def _is_bpffs(path: Path) -> bool:
    mounts = (line.split(" ") for line in Path("/proc/self/mounts").read_text().splitlines())
    return any(kind == "bpf" and path.is_relative_to(point) for _, point, kind, *_ in mounts)


def _check_bpffs(pin_dir: Path) -> None:
    """Check for bpffs; mount it at its usual place, as bpftool does, if it is missing there."""
    usual = Path("/sys/fs/bpf")
    if not _is_bpffs(pin_dir) and pin_dir.is_relative_to(usual):
        subprocess.run(
            ["mount", "-t", "bpf", "bpf", str(usual)], check=False, stdin=subprocess.DEVNULL
        )
    if not _is_bpffs(pin_dir):
        raise PreflightError(
            f"pin_dir {pin_dir} is not on a bpf file system: mount -t bpf bpf {usual}"
        )
