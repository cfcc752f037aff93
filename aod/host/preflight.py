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

BPF_FS_MAGIC: Final = "bpf"
LOCKDOWN: Final = Path("/sys/kernel/security/lockdown")


class PreflightError(Exception):
    """This kernel or this user cannot; the text says why, and what to do."""


def check(pin_dir: Path) -> None:
    """Check all that would stop the collector, in the order in which a user can fix it.

    Raises PreflightError: something is missing."""
    _check_capabilities()
    if OBJECT_VARIABLE not in os.environ:
        _check_cifs()
    _check_program()
    _check_bpffs(pin_dir)


def _check_capabilities() -> None:
    needed = (Capability.BPF, Capability.PERFMON)
    held = capabilities.effective()
    missing = [f"CAP_{one.name}" for one in needed if one not in held]
    if missing:
        raise PreflightError(
            f"{' and '.join(missing)} missing: run it as root, or as the systemd service"
        )


def cifs_may_load(release: str, root: Path = Path("/")) -> bool:
    """Whether the cifs client is loaded or built in, or a mount would load its module."""
    if (root / "sys/module/cifs").exists() or (root / "proc/fs/cifs").exists():
        return True
    for listing in ("modules.dep", "modules.builtin"):
        path = root / "lib/modules" / release / listing
        if path.exists() and "/cifs.ko" in path.read_text(errors="replace"):
            return True
    return False


def _check_cifs() -> None:
    release = platform.release()
    if not cifs_may_load(release):
        raise PreflightError(
            f"this kernel ({release}) has no cifs client: it is not loaded, and there is no "
            f"module for it in /lib/modules/{release}"
        )


def lockdown(path: Path = LOCKDOWN) -> str:
    """The kernel's lockdown mode; empty if it has none."""
    try:
        text = path.read_text()
    except OSError:
        return ""
    return text.partition("[")[2].partition("]")[0]


def _check_program() -> None:
    try:
        probe(program())
    except TracerError as error:
        raise PreflightError(explain(error, lockdown())) from error


def explain(error: TracerError, lockdown_mode: str) -> str:
    """Why the kernel refused the eBPF object, in one line."""
    if error.errno == errno.EPERM:
        mode = f" (lockdown: {lockdown_mode})" if lockdown_mode else ", as a locked down one does"
        return f"this kernel refuses eBPF tracing programs{mode}"
    return f"this kernel does not take the eBPF object: {' '.join(str(error).split())}"


def _is_bpffs(path: Path) -> bool:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount_point, kind, *_ = line.split(" ")
        if kind == BPF_FS_MAGIC and path.is_relative_to(mount_point):
            return True
    return False


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
