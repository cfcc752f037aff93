"""The files of /proc/fs/cifs: which of them are read on this kernel, and why others are not."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from aod.kernel import release
from aod.kernel.client_faults import FAULTS, Fault, Version
from aod.kernel.release import Release

FOLDER: Final = Path("/proc/fs/cifs")
DEBUGDATA: Final = FOLDER / "DebugData"
_KEY: Final = "capture.proc_cifs"
_CLOUD_ABI: Final = 1000
"""Ubuntu numbers its kernels for clouds from here on."""


class ProcCifs(StrEnum):
    """Which files of /proc/fs/cifs are read."""

    AUTO = "auto"
    """All but those that are known to crash this kernel."""
    ALWAYS = "always"
    NEVER = "never"


def is_one(path: str | Path) -> bool:
    """Whether this is a file of the client's."""
    return Path(path).parent == FOLDER


def why_not(path: str | Path, policy: ProcCifs, kernel: Release | None = None) -> str:
    """Why a file of the client's is not read; empty: it is. Without a kernel: this host's."""
    if policy is ProcCifs.NEVER:
        return f"{path}: not read: {_KEY} is never"
    found = [] if policy is ProcCifs.ALWAYS else faults(kernel or release.running())
    if cves := [fault.cve for fault in found if fault.file == Path(path).name]:
        why = f"it may crash this kernel ({', '.join(cves)}); {_KEY}: always reads it"
        return f"{path}: not read: {why}"
    return ""


def warning(policy: ProcCifs, kernel: Release | None = None) -> str:
    """What to say once, where this kernel has faults that the policy has to do with; or empty."""
    kernel = kernel or release.running()
    found = [] if policy is ProcCifs.NEVER else faults(kernel)
    if not found:
        return ""
    files = _listed(fault.file for fault in found)
    cves = _listed(fault.cve for fault in found)
    use = "read all the same" if policy is ProcCifs.ALWAYS else "not read"
    return (
        f"reading {files} in {FOLDER} may crash this kernel ({kernel.name}; {cves}): "
        f"{use} ({_KEY}: {policy}); a newer kernel has the fixes"
    )


def faults(kernel: Release) -> list[Fault]:
    """The faults that a kernel is known to have."""
    return [fault for fault in FAULTS if _has(fault, kernel)]


def _has(fault: Fault, kernel: Release) -> bool:
    if kernel.is_enterprise:
        return bool(kernel.built and fault.before and kernel.built < fault.before)
    for base, abi, published in fault.ubuntu:
        if kernel.base == base:
            is_cloud, built = kernel.abi >= _CLOUD_ABI, kernel.built
            return (built is None or built < published) if is_cloud else kernel.abi < abi
    return _reached(kernel.version, fault.since) and not _reached(kernel.version, fault.fixed)


def _reached(version: Version, firsts: Sequence[Version]) -> bool:
    """Whether a change is in a version, given the first one with it in each series."""
    in_series = (first for first in firsts if first[:2] == version[:2])
    return version >= firsts[-1] or any(version >= first for first in in_series)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))
