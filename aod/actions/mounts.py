"""Which cifs file systems are mounted, and by which path each can be asked; from mountinfo alone.

No path is looked up for that: the lookup may itself wait for a server that hangs. So a mount is
found as the kernel would find it (__traverse_mounts in fs/namei.c), in the table of all mounts."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import Struct

from aod.actions.mask import mask_text
from aod.actions.result import Mount

HOST_ROOT: Final = "/proc/1/root"
"""The way out of a service's own mounts, for who may look at process 1 (proc_pid_root(5))."""
LOGON: Final = (
    "a Kerberos or multiuser mount: its logon may have expired, which is not the server's fault"
)
"""When that is so, a request may end with "Host is down", as if the server were (smb2_reconnect in
fs/smb/client/smb2pdu.c)."""
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
_TYPES: Final = frozenset({"cifs", "smb3"})


class Entry(Struct, frozen=True, kw_only=True):
    """A line of mountinfo (proc_pid_mountinfo(5)); paths are as seen from the process's root."""

    id: str
    parent: str
    """The id of what it is mounted on."""
    device: str
    """The same for all mounts of a file system."""
    mount_point: str
    type: str
    source: str
    options: str
    """Of the file system, with its secrets."""


class Place(NamedTuple):
    """Where a file system is mounted, and whether one gets there."""

    mount: Entry
    over: Entry | None
    """What its mount point leads to instead."""


class Target(Struct, frozen=True, kw_only=True):
    """A mounted cifs file system, and how it is asked."""

    mount: Mount
    path: str
    """Where to ask it."""
    why_not: str = ""
    """Why it is not asked."""

    @property
    def server(self) -> str:
        """The name of the server that it is mounted from."""
        return self.mount.source.replace("\\", "/").lstrip("/").partition("/")[0].lower()

    @property
    def caveat(self) -> str:
        """What may be the cause when it does not answer, beside the server and the way to it.

        Who asks needs no logon: smbinfo's request goes by the session of the mount itself, also
        where others have their own (cifs_ioctl_query_info in fs/smb/client/ioctl.c)."""
        options = self.mount.options.split(",")
        logon = "multiuser" in options or any(one.startswith("sec=krb5") for one in options)
        return LOGON if logon else ""


class Table:
    """All mounts that a process sees, and what its paths lead to."""

    def __init__(self, mountinfo: str) -> None:
        self.entries = tuple(_entries(mountinfo))
        self._on = {(one.parent, one.mount_point): one for one in self.entries}
        self._by_id = {one.id: one for one in self.entries}
        # What the root is mounted on is not shown, nor is the root where it is a mere folder.
        tops = [one for one in self.entries if one.parent not in self._by_id]
        roots = [one.id for one in tops if one.mount_point == "/"] or [one.parent for one in tops]
        self._root = roots[0] if roots else ""

    def at(self, path: str) -> Entry | None:
        """The mount that an absolute path without links leads to; None: one that is not shown."""
        place, reached = "", self._root
        for name in path.strip("/").split("/"):
            place = f"{place}/{name}"
            while over := self._on.get((reached, place)):
                reached = over.id
        return self._by_id.get(reached)

    def shares(self) -> Iterator[Place]:
        """Each cifs file system once: its first mount that a path leads to; where none does, its
        first mount."""
        mounts: dict[str, list[Entry]] = {}
        for one in self.entries:
            if one.type in _TYPES:
                mounts.setdefault(one.device, []).append(one)
        for of_device in mounts.values():
            seen = [one for one in of_device if self.at(one.mount_point) is one]
            first = of_device[0]
            yield Place(seen[0], None) if seen else Place(first, self.at(first.mount_point))

    @property
    def hides_some(self) -> bool:
        """Whether there is a cifs file system that no path leads to."""
        return any(place.over for place in self.shares())


def targets(here: Table, host: Table) -> tuple[Target, ...]:
    """The cifs file systems that this process sees, each once; where its mount is hidden from here
    but not on the host, that one is asked.

    Args:
        host: of process 1; without entries where that is not for us."""
    on_host = {place.mount.device: place for place in host.shares()}
    return tuple(_target(place, on_host.get(place.mount.device)) for place in here.shares())


def _target(here: Place, host: Place | None) -> Target:
    one, path, note = here.mount, here.mount.mount_point, ""
    if here.over and host and not host.over:
        path = HOST_ROOT + host.mount.mount_point
    elif here.over:
        note = _hidden(one, here.over, host.over if host else None)
    mount = Mount(one.source, one.mount_point, one.type, mask_text(one.options), note)
    why, _, detail = note.partition(": ")
    return Target(mount=mount, path=path, why_not=f"not asked ({why}): {detail}" if note else "")


def _hidden(one: Entry, over: Entry, on_host: Entry | None) -> str:
    if on_host or over.mount_point == one.mount_point:
        by = on_host or over
        return f"hidden by another mount: {by.source} on {by.mount_point}"
    return f"not visible to the service: it has its own {over.mount_point}"


def _entries(mountinfo: str) -> Iterator[Entry]:
    """Lines that are not of mountinfo's form are passed over; one may be the parent of others,
    whatever it says of its file system. The options are the last field: some kernels leave the
    blanks of a source as they are (cifs_show_devname of 5.12)."""
    for line in mountinfo.split("\n"):
        where, _, what = line.partition(" - ")
        left, right = where.split(" "), what.split(" ")
        if len(left) >= 6:
            known = len(right) >= 3
            yield Entry(
                id=left[0],
                parent=left[1],
                device=left[2],
                mount_point=_unescape(left[4]),
                type=right[0] if known else "",
                source=_unescape(" ".join(right[1:-1])) if known else "",
                options=right[-1] if known else "",
            )


def _unescape(field: str) -> str:
    """Spaces, tabs, newlines and backslashes are octal in mountinfo."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), field)
