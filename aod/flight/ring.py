"""The ring of packets on disk: tcpdump's files, how many of what size, in a folder of their own.

Their writer is a user of its own where the host has one, so what lies in the folder is a
stranger's: it is opened without following links, and only what that user owns."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from aod.files import closing_fd, open_trusted, opened_folder
from aod.flight.pcap import first_ns, header

NAME: Final = "ring.pcap"
"""tcpdump appends the number of the file. Profiles of AppArmor let it write to `*.pcap[0-9]*`."""
_UNIT_BYTES: Final = 1_000_000
"""tcpdump's `-C` counts in these, before it writes a packet: the last one comes on top."""
_FILES: Final = 16
"""Or a few more: when one is begun anew, that part of the ring is lost."""


class Shape(NamedTuple):
    """How the ring is divided."""

    files: int
    file_mb: int
    """In millions of bytes."""
    snaplen: int

    @property
    def largest_bytes(self) -> int:
        """What one file may come to, with its own header and that of its last packet."""
        return self.file_mb * _UNIT_BYTES + self.first_bytes

    @property
    def first_bytes(self) -> int:
        """What a file comes to with its first packet: its own header and that of the packet."""
        return 24 + 16 + self.snaplen

    def names(self) -> list[str]:
        """As tcpdump calls them, and in the order in which it writes them."""
        digits = len(str(self.files - 1))
        return [f"{NAME}{number:0{digits}}" for number in range(self.files)]


def shape(ring_mb: int, snaplen: int) -> Shape:
    """A ring of at most `ring_mb` MiB, but of two files at least."""
    total = ring_mb << 20
    one = Shape(1, max(1, total // (_FILES * _UNIT_BYTES)), snaplen)
    return one._replace(files=max(2, total // one.largest_bytes))


def prepare(folder: Path, owner: tuple[int, int] | None) -> None:
    """Make the folder for nobody but its owner (user and group id; None: ourselves).

    Raises OSError: it cannot be made, or is a link or somebody else's."""
    with suppress(FileExistsError):
        folder.mkdir(0o700)
    uid, gid = owner or (os.geteuid(), os.getegid())
    with opened_folder(folder, os.O_NOFOLLOW) as fd:
        if os.fstat(fd).st_uid not in (os.geteuid(), uid):
            raise PermissionError(f"{folder} belongs to another user")
        if os.fstat(fd).st_uid == os.geteuid():  # else it is as we made it
            os.fchmod(fd, 0o700)
        if owner is not None:
            os.fchown(fd, uid, gid)


def files(folder: Path) -> list[Path]:
    """The names of the ring's files; none if there is no ring."""
    with suppress(OSError):
        found = folder.glob(f"{NAME}*")
        return sorted(path for path in found if path.name.removeprefix(NAME).isdecimal())
    return []


def contents(folder: Path, most_bytes: int = sys.maxsize) -> Iterator[bytes]:
    """What each file holds now, from its start; one that is being written may end with half a
    packet."""
    for path in files(folder):
        with suppress(OSError):
            owners = (folder.stat().st_uid,)
            with closing_fd(open_trusted(path, owners, links=1)) as fd:
                # One read: a file that is begun anew between two would be half old and half new.
                yield os.read(fd, min(os.fstat(fd).st_size, most_bytes))


def reach_sec(folder: Path, shape: Shape) -> int:
    """The age of the oldest packet; 0 where there is none, or a clock has been set back."""
    began_ns = filter(None, (_began_ns(start) for start in contents(folder, shape.first_bytes)))
    return max(0, time.time_ns() - min(began_ns, default=time.time_ns())) // 10**9


def _began_ns(content: bytes) -> int | None:
    about = header(content)
    return first_ns(content, about) if about else None


def make_way(folder: Path, wanted: Shape) -> None:
    """Keep what an earlier ring left, so that a new one overwrites the oldest of it first.

    Raises OSError: the folder cannot be changed."""
    found = sorted(files(folder), key=lambda path: path.lstat().st_mtime_ns)
    fitting = [path for path in found if path.lstat().st_size <= wanted.largest_bytes]
    kept = fitting[-(wanted.files - 1) :]  # the first file is begun at once
    for path in found:
        if path not in kept:
            path.unlink()
    # Aside they have numbers that no file of a ring has.
    aside = [path.rename(folder / f"{NAME}{10**6 + at}") for at, path in enumerate(kept)]
    for path, name in zip(reversed(aside), reversed(wanted.names()), strict=False):
        path.rename(folder / name)


def remove(folder: Path) -> None:
    """Remove the ring's files, and the folder if nothing else is in it."""
    for path in files(folder):
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):
        folder.rmdir()
