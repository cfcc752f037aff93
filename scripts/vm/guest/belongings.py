"""What a daemon has made and holds, found by looking: not from a list of what we know of.

A `Snapshot` of the guest before and one after: what is new is the daemon's. What its processes hold
open is found by their descriptors.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_WHERE: Final = (
    *("/run", "/var", "/tmp", "/dev/shm", "/dev/mqueue", "/etc", "/home"),  # noqa: S108
    *("/mnt", "/srv", "/opt", "/sys/fs/bpf", "/sys/fs/cgroup"),
    *("/sys/kernel/tracing/instances", "/sys/kernel/debug/tracing/instances"),
)
"""Where anything can be made that outlives a process; not in the home of root, which is closed."""
_TABLES: Final = (
    *("sysvipc/shm", "sysvipc/sem", "sysvipc/msg"),
    *("net/tcp", "net/tcp6", "net/udp", "net/udp6", "net/raw", "net/raw6", "net/packet"),
)


def _paths() -> Iterator[str]:
    for where in _WHERE:
        for folder, folders, files in os.walk(where):
            yield from (os.path.join(folder, name) for name in (*folders, *files))  # noqa: PTH118


def _rows() -> Iterator[str]:
    """Shared memory of System V and sockets of the network: a row's last columns may change."""
    for table in _TABLES:
        with suppress(OSError):
            for line in Path("/proc", table).read_text().splitlines()[1:]:
                yield f"{table} {' '.join(line.split()[1:3])}"


def _abstract() -> Iterator[str]:
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        if name := line.partition(" @")[2]:
            yield name


@dataclass(frozen=True)
class Snapshot:
    """What there is."""

    paths: frozenset[str]
    rows: frozenset[str]
    abstract: frozenset[str]

    @classmethod
    def take(cls) -> Self:
        return cls(frozenset(_paths()), frozenset(_rows()), frozenset(_abstract()))


def descriptors(pid: int) -> dict[str, str]:
    """/proc/PID/fd/N -> what it is."""
    found = {}
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found[str(path)] = str(path.readlink())
    return found


def shown_by_proc(pid: int) -> str:
    """What everybody may read of a process: its command line and its name."""
    texts = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "comm"))
    return b" ".join(texts).replace(b"\0", b" ").decode(errors="replace").strip()
