"""Checks, before anything starts, whether this kernel and this user can do it."""

import errno
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

from aod import log
from aod.host import capabilities, refusal
from aod.host.capabilities import Capability
from aod.host.surroundings import Surroundings
from aod.host.users import ROOT
from aod.kernel import client
from aod.kernel.errors import TracerError
from aod.kernel.objects import OBJECT_VARIABLE, program
from aod.kernel.tracer import RING_BUFFER, map_refusal, probe

_NEEDED: Final = (Capability.BPF, Capability.PERFMON)


class PreflightError(Exception):
    """This kernel or this user cannot; the text says why, and what to do."""


def check(pin_dir: Path) -> None:
    """Check all that would stop the collector, in the order in which a user can fix it.

    Raises PreflightError: something is missing."""
    ring_refusal = map_refusal(RING_BUFFER)
    _check_age(ring_refusal)
    _check_rights()
    ours = OBJECT_VARIABLE not in os.environ
    if ours and (reason := client.missing(platform.release())):
        raise PreflightError(f"this kernel ({platform.release()}) has no cifs client: {reason}")
    _check_object(ring_refusal, ours)
    _check_bpffs(pin_dir)


def too_old(ring_refusal: int, unknown: tuple[Capability, ...], release: str) -> str:
    """What the kernel lacks, and what would have it; empty: it lacks nothing.

    Asked are features, not versions: an old version may have them from its distribution."""
    lacks = [f"CAP_{one.name}" for one in unknown]
    if ring_refusal == errno.EINVAL:
        lacks.insert(0, "BPF ring buffer")
    if not lacks:
        return ""
    return (
        f"this kernel is too old: it has no {', no '.join(lacks)} "
        f"(Linux 5.8 or newer is needed, or a distribution's with these; this is {release})"
    )


def _check_age(ring_refusal: int) -> None:
    if text := too_old(ring_refusal, capabilities.unknown(_NEEDED), platform.release()):
        raise PreflightError(text)


def _check_rights() -> None:
    held = capabilities.effective()
    missing = " and ".join(f"CAP_{one.name}" for one in _NEEDED if one not in held)
    if not missing:
        return
    if os.geteuid() == ROOT.uid:
        raise PreflightError(
            f"{missing} missing, though this is root: the container or the unit it runs in has to "
            f"allow them"
        )
    raise PreflightError(f"{missing} missing: run it as root, or as the systemd service")


def _check_object(ring_refusal: int, ours: bool) -> None:
    """Check whether the kernel takes the object.

    Lockdown is looked at first: some kernels before 5.13 load such programs all the same, and give
    them zeros to read. The object of a test may do without reading."""
    around = Surroundings.look()
    if ours and around.lockdown == refusal.CONFIDENTIALITY:
        raise PreflightError(refusal.LOCKED)
    try:
        probe(program())
    except TracerError as error:
        log.ROOT.debug("%s", error)
        raise PreflightError(refusal.explain(error, around, ring_refusal)) from error


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
