"""The cifs client of the guest's kernel: its mount, its module, its own count of commands."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.samba import UNC
from scripts.vm.guest.wait import wait_until

MOUNT_POINT = Path("/mnt/share")
STATS = Path("/proc/fs/cifs/Stats")

# noperm: the client must not judge permissions itself, or no denied request would reach the server.
OPTIONS = "guest,vers=3.1.1,noperm"

# How the client's own statistics call the commands of SMB2, per mounted share.
COMMANDS = {
    "TreeConnects": "SMB2_TREE_CONNECT",
    "TreeDisconnects": "SMB2_TREE_DISCONNECT",
    "Creates": "SMB2_CREATE",
    "Closes": "SMB2_CLOSE",
    "Flushes": "SMB2_FLUSH",
    "Reads": "SMB2_READ",
    "Writes": "SMB2_WRITE",
    "Locks": "SMB2_LOCK",
    "IOCTLs": "SMB2_IOCTL",
    "QueryDirectories": "SMB2_QUERY_DIRECTORY",
    "ChangeNotifies": "SMB2_CHANGE_NOTIFY",
    "QueryInfos": "SMB2_QUERY_INFO",
    "SetInfos": "SMB2_SET_INFO",
    "OplockBreaks": "SMB2_OPLOCK_BREAK",
}

_COUNT = re.compile(r"^(\w+): (\d+) (?:total|sent) (\d+) failed$", re.MULTILINE)


class Count(NamedTuple):
    """How often a command was sent, and how often it failed."""

    total: int
    failed: int


@contextlib.contextmanager
def mounted(options: str = OPTIONS) -> Iterator[Path]:
    """Mount the share for the length of a block; yields the mount point."""
    MOUNT_POINT.mkdir(parents=True, exist_ok=True)
    try:
        command("mount", "-t", "cifs", UNC, MOUNT_POINT, "-o", options)
    except LabError as error:
        # mount.cifs only ever says "see dmesg".
        raise LabError(f"{error}\n{command('dmesg')[-2000:]}") from error
    try:
        yield MOUNT_POINT
    finally:
        unmount()


def unmount() -> None:
    """Unmount the share, by force if it hangs; nothing happens if it is not mounted."""
    if not MOUNT_POINT.is_mount():
        return
    try:
        command("umount", MOUNT_POINT, timeout_s=10)
    except LabError:
        command("umount", "--force", "--lazy", MOUNT_POINT)


def module_loaded() -> bool:
    """Whether the cifs module is in the kernel."""
    return Path("/sys/module/cifs").is_dir()


def unload_module(timeout_s: float = 20) -> None:
    """Remove the cifs module; its last users may take a moment after an unmount."""

    def removed() -> bool:
        with contextlib.suppress(LabError):
            command("modprobe", "--remove", "cifs")
        return not module_loaded()

    wait_until(removed, timeout_s, "the cifs module to be removable")


def command_counts() -> dict[str, Count]:
    """What the client says it sent, by SMB2 command, for all mounted shares together.

    The counts begin with the mount and end with it. Reading is all that may be done here: a write,
    of whatever, resets them.
    """
    return parse_stats(STATS.read_text())


def parse_stats(text: str) -> dict[str, Count]:
    """Sum the per-share counters of a /proc/fs/cifs/Stats text."""
    counts: dict[str, Count] = {}
    for name, total, failed in _COUNT.findall(text):
        if name in COMMANDS:
            before = counts.get(COMMANDS[name], Count(0, 0))
            counts[COMMANDS[name]] = Count(before.total + int(total), before.failed + int(failed))
    return counts


def difference(before: dict[str, Count], after: dict[str, Count]) -> dict[str, Count]:
    """What was sent between two readings; commands that did not move are left out."""
    moved = {}
    for name, count in after.items():
        start = before.get(name, Count(0, 0))
        if count != start:
            moved[name] = Count(count.total - start.total, count.failed - start.failed)
    return moved
