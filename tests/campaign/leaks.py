"""What must not be left: processes, descriptors, memory, pins, files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from aod.state.names import AUDIT_FILE
from aod.transport.wire import STAGES
from scripts.vm.guest import proc
from scripts.vm.guest.proc import memory_bytes
from tests.rig.daemon import LocalDaemon
from tests.rig.ring import BPFFS

MARK: Final = "AOD_TEST_CAMPAIGN"
"""In the environment of the daemon, and so of all that it starts."""
GROWTH_BYTES: Final = 2 << 20
"""What the supervisor's own memory may grow by, however many workers it forks: the lists that a
respawn makes and frees, and arenas that are not all given back. 450 respawns that leaked a ZeroMQ
context (some 100 KiB), a thread's stack or a message each would come to ten times that."""


class Vitals(NamedTuple):
    """Of the supervisor's process."""

    descriptors: int
    anonymous_bytes: int
    """RssAnon: what is its own; the rest is files that it has mapped."""

    @classmethod
    def of(cls, pid: int) -> "Vitals":
        descriptors = (Path("/proc") / str(pid) / "fd").iterdir()
        return cls(len(list(descriptors)), memory_bytes(pid, "RssAnon"))


def processes(mark: str) -> Iterator[tuple[int, str, str]]:
    """Every process of the daemon's, and every zombie of one: (pid, state, name)."""
    ours = os.fsencode(f"{MARK}={mark}")
    for one in proc.processes():
        if _is_ours(one.pid, ours) or (one.state == "Z" and _is_ours(one.parent, ours)):
            yield one.pid, one.state, one.comm


def _is_ours(pid: int, mark: bytes) -> bool:
    try:
        return mark in (Path("/proc") / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def running_leaks(daemon: LocalDaemon, mark: str) -> list[str]:
    """What a daemon that has nothing to do should not have."""
    expected = sorted(["aod-supervisor", *(f"aod-{stage}" for stage in STAGES)])
    found = sorted(processes(mark))
    left = [f"process {one}" for one in found if one[1] == "Z" or one[2] not in expected]
    if sorted(name for _, _, name in found) != expected:
        left.append(f"processes {found}")
    left += [f"in the spool: {name}" for name in files_below(daemon.state_dir / "spool")]
    left += [f"in the output folder: {name}" for name in _unfinished(daemon)]
    left += [f"pin {path}" for path in pins(daemon) if path != daemon.pin_dir]
    return left


def stopped_leaks(daemon: LocalDaemon, mark: str) -> list[str]:
    """What a daemon that was stopped should not leave."""
    left = [f"process {one}" for one in processes(mark)]
    left += [f"in the runtime folder: {name}" for name in files_below(daemon.runtime_dir)]
    left += [f"in the state folder: {name}" for name in files_below(daemon.state_dir) - {"spool"}]
    left += [f"in the output folder: {name}" for name in _unfinished(daemon)]
    left += [f"pin {path}" for path in pins(daemon)]
    return left + (["the runtime folder"] if daemon.runtime_dir.exists() else [])


def pins(daemon: LocalDaemon) -> list[Path]:
    """In bpffs, with those of an installation that was not finished."""
    return sorted(BPFFS.glob(f"{daemon.pin_dir.name}*"))


def _unfinished(daemon: LocalDaemon) -> set[str]:
    """What is neither a bundle nor the audit log."""
    bundles = {path.name for path in daemon.bundles()}
    return {
        name for name in files_below(daemon.output_dir) - bundles if not name.startswith(AUDIT_FILE)
    }


def files_below(folder: Path) -> set[str]:
    """All files and folders, relative; nothing if there is none. os.walk: one may go meanwhile."""
    return {
        os.path.relpath(Path(parent, name), folder)
        for parent, folders, files in os.walk(folder)
        for name in (*folders, *files)
    }
