"""The actions: one row each, and nothing of them anywhere else.

Never in this table: /proc/fs/cifs/traceSMB and cifsFYI, which change what the client does, and
`smbinfo keys`, which prints the secrets that decrypt a capture.
"""

from typing import Final

from msgspec import Struct

from aod.actions.output import Keep
from aod.config_base import ActionName

LOOKBACK_SEC: Final = 300
"""Logs are read from this long before the anomaly."""
_MIB: Final = 1 << 20


class Action(Struct, frozen=True, kw_only=True):
    """A row: what is run, and how much of it is taken. The configuration may allow less."""

    name: ActionName
    file: str
    """Its file in the bundle."""
    argv: tuple[str, ...]
    """`{since}` stands for the second, since the epoch, from which logs are wanted."""
    paths: tuple[str, ...] = ()
    """The first of them that exists is the last argument; where none does, nothing is run."""
    each_mount: bool = False
    """Run once per cifs file system, with its mount point as the last argument."""
    timeout_sec: float
    """For all its commands together."""
    max_bytes: int
    keep: Keep = Keep.START
    volatile: bool = False
    """Read before everything else: it says how the client is now."""
    error_text: bytes = b""
    """Output that starts like this is an error, whatever the exit status."""


ACTIONS: Final = (
    Action(
        name=ActionName.DEBUGDATA,
        file="debugdata.log",
        argv=("cat",),
        paths=("/proc/fs/cifs/DebugData",),
        timeout_sec=5,
        max_bytes=8 * _MIB,
        volatile=True,
    ),
    Action(
        name=ActionName.STATS,
        file="stats.log",
        argv=("cat",),
        paths=("/proc/fs/cifs/Stats",),
        timeout_sec=5,
        max_bytes=8 * _MIB,
        volatile=True,
    ),
    Action(
        name=ActionName.MOUNTS,
        file="mounts.log",
        argv=("cat",),
        paths=("/proc/mounts",),
        timeout_sec=5,
        max_bytes=4 * _MIB,
    ),
    Action(
        name=ActionName.DMESG,
        file="dmesg.log",
        argv=("dmesg", "-T"),
        timeout_sec=10,
        max_bytes=16 * _MIB,
        keep=Keep.END,
    ),
    Action(
        name=ActionName.JOURNALCTL,
        file="journalctl.log",
        argv=("journalctl", "--no-pager", "--output=short-iso-precise", "--since=@{since}"),
        timeout_sec=30,
        max_bytes=64 * _MIB,
        keep=Keep.END,
    ),
    Action(
        name=ActionName.SMBINFO,
        file="smbinfo.log",
        argv=("smbinfo", "filefsfullsizeinfo"),
        each_mount=True,
        timeout_sec=5,  # a server that hangs does not answer this either
        max_bytes=1 * _MIB,
        error_text=b"syscall failed",
    ),
    Action(
        name=ActionName.SYSLOGS,
        file="syslogs.log",
        argv=("tail", "--bytes=1048576"),
        paths=("/var/log/syslog", "/var/log/messages"),
        timeout_sec=10,
        max_bytes=1 * _MIB,
    ),
)


def row(name: str) -> Action | None:
    """The action of that name, if it is one that can be run."""
    return next((action for action in ACTIONS if action.name == name), None)
