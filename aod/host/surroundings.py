"""What stands between this process and the kernel: lockdown, namespaces, filters, SELinux."""

import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from aod.files import read_if_there

_ALL_USERS: Final = ["0", "0", "4294967295"]
"""The map of the first user namespace (user_namespaces(7))."""
_FILTERED: Final = "2"
"""SECCOMP_MODE_FILTER (linux/seccomp.h)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What may forbid eBPF programs, as far as it can be seen from here."""

    lockdown: str = ""
    """The kernel's mode; empty: it has none, or securityfs is not mounted."""
    in_user_namespace: bool = False
    filtered: bool = False
    """Whether a filter of system calls (seccomp) is in force."""
    selinux_enforces: bool = False
    locked_bytes: int | None = None
    """How much memory may be locked (RLIMIT_MEMLOCK); None: no limit."""

    @classmethod
    def look(cls, root: Path = Path("/")) -> Self:
        """Those of this process; what cannot be read is taken as absent."""
        status = read_if_there(root / "proc/self/status")
        uid_map = read_if_there(root / "proc/self/uid_map").split()
        soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        return cls(
            lockdown=lockdown(root),
            in_user_namespace=bool(uid_map) and uid_map != _ALL_USERS,
            filtered=status.partition("\nSeccomp:")[2].split()[:1] == [_FILTERED],
            selinux_enforces=read_if_there(root / "sys/fs/selinux/enforce").strip() == "1",
            locked_bytes=None if soft == resource.RLIM_INFINITY else soft,
        )


def lockdown(root: Path = Path("/")) -> str:
    """The kernel's lockdown mode (kernel_lockdown(7)); empty if it does not say."""
    text = read_if_there(root / "sys/kernel/security/lockdown")
    return text.partition("[")[2].partition("]")[0]
