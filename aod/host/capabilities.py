"""Linux capabilities (capabilities(7)) that any part of the daemon needs, by their numbers."""

from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path


class Capability(IntEnum):
    """One of the rights into which root's are divided."""

    CHOWN = 0
    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    FOWNER = 3
    KILL = 5
    SETGID = 6
    SETUID = 7
    SETPCAP = 8
    NET_RAW = 13
    SYS_PTRACE = 19
    SYS_ADMIN = 21
    SYS_RESOURCE = 24
    SYSLOG = 34
    PERFMON = 38
    BPF = 39


def to_mask(capabilities: Iterable[Capability]) -> int:
    """Their bit mask, as the kernel numbers them."""
    return sum(1 << capability for capability in set(capabilities))


def effective() -> frozenset[Capability]:
    """Those in force in this process."""
    status = Path("/proc/self/status").read_text()
    mask = int(status.partition("CapEff:")[2].split()[0], 16)
    return frozenset(one for one in Capability if mask >> one & 1)


def unknown(needed: Iterable[Capability], root: Path = Path("/")) -> tuple[Capability, ...]:
    """Those of them that this kernel is too old to know (its cap_last_cap)."""
    try:
        last = int((root / "proc/sys/kernel/cap_last_cap").read_text())
    except (OSError, ValueError):  # not visible here: nothing is known against the kernel
        return ()
    return tuple(one for one in needed if one > last)
