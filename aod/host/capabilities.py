"""Linux capabilities by their numbers (capabilities(7)): those that any part of the daemon has."""

from collections.abc import Iterable
from enum import IntEnum


class Capability(IntEnum):
    """A right of root's that can be had alone."""

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
    """A bit each, as the kernel counts them."""
    return sum(1 << capability for capability in set(capabilities))
