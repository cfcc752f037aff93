"""The cifs client of the guest's kernel: its mounts, its module, its own count of commands."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.shares import FIRST, Share
from scripts.vm.guest.wait import wait_until

STATS = Path("/proc/fs/cifs/Stats")
DEBUG_DATA = Path("/proc/fs/cifs/DebugData")

# noperm: the client must not judge permissions itself, or no denied request would reach the server.
OPTIONS = "guest,vers=3.1.1,noperm"
# Nothing is answered from the client's caches: every step of a workload is a request.
UNCACHED = f"{OPTIONS},cache=none,actimeo=0"
# A connection, a session and a client GUID of its own: to the server it is another client.
APART = f"{UNCACHED},nosharesock"

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


# fs/smb/client/cifs_debug.c, cifs_debug_data_proc_show: a session, then its trees, IPC$ among them.
_SESSION = re.compile(r"SessionId: (0x[0-9a-f]+)")
_UNC = re.compile(r"(\\\\\S+) Mounts: ")
_TREE = re.compile(r"\btid: (0x[0-9a-f]+)")


# The same file, of each request that the client waits for: its command's number.
_PENDING = re.compile(r"^\s+State: \d+ com: (\d+) pid: ", re.MULTILINE)


class Tree(NamedTuple):
    """Whom the requests of a mount belong to."""

    session_id: int
    tree_id: int


class Count(NamedTuple):
    """How often a command was sent, and how often it failed."""

    total: int
    failed: int


@contextlib.contextmanager
def mounted(
    options: str = OPTIONS, share: Share = FIRST, mount_point: Path | None = None
) -> Iterator[Path]:
    """Mount a share for the length of a block; yields the mount point."""
    folder = mount_point or share.mount_point
    mount(options, share, folder)
    try:
        yield folder
    finally:
        unmount(folder)


def mount(options: str, share: Share, folder: Path) -> None:
    """Mount a share; LabError carries the kernel's reason."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        command("mount", "-t", "cifs", share.unc, folder, "-o", options)
    except LabError as error:
        # mount.cifs prints no more than "see dmesg".
        raise LabError(f"{error}\n{command('dmesg')[-2000:]}") from error


def unmount(folder: Path) -> None:
    """Unmount a share, by force if it hangs."""
    try:
        command("umount", folder, timeout_s=10)
    except LabError:
        command("umount", "--force", "--lazy", folder)


def unmount_all() -> None:
    """Unmount whatever a scenario has left."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, folder, kind, *_ = line.split()
        if kind == "cifs":
            unmount(Path(folder))


def module_loaded() -> bool:
    """Whether the cifs module is in the kernel."""
    return Path("/sys/module/cifs").is_dir()


def unload_module(timeout_s: float = 20) -> None:
    """Remove the cifs module; its last users may take a moment after an unmount."""

    def removed() -> bool:
        with contextlib.suppress(LabError):
            command("modprobe", "--remove", "cifs")
        return not module_loaded()

    wait_until(removed, "the cifs module to be removable", timeout_s)


def command_counts() -> dict[str, Count]:
    """What the client has counted as sent, by SMB2 command, for all mounted shares together.

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


def trees() -> dict[str, list[Tree]]:
    """The trees that the client is connected to now, by share: `//127.0.0.1/share`."""
    return parse_debug_data(DEBUG_DATA.read_text())


def pending() -> list[int]:
    """The commands, by number, of the requests that the client has in flight now."""
    return parse_pending(DEBUG_DATA.read_text())


def parse_pending(text: str) -> list[int]:
    """The pending requests in a /proc/fs/cifs/DebugData text."""
    return [int(number) for number in _PENDING.findall(text)]


def parse_debug_data(text: str) -> dict[str, list[Tree]]:
    """The trees in a /proc/fs/cifs/DebugData text; a share mounted apart has several."""
    found: dict[str, list[Tree]] = {}
    session_id, unc = 0, ""
    for line in text.splitlines():
        if session := _SESSION.search(line):
            session_id = int(session[1], 16)
        if share := _UNC.search(line):
            unc = share[1].replace("\\", "/")
        if tree := _TREE.search(line):
            found.setdefault(unc, []).append(Tree(session_id, int(tree[1], 16)))
    return found
