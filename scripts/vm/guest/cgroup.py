"""A control group per scenario: the one way to find everything that it started."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from scripts.vm.guest.wait import wait_until

ROOT = Path("/sys/fs/cgroup")

_END_TIMEOUT_S = 20


@contextlib.contextmanager
def group(name: str) -> Iterator[Path]:
    """A group for the length of a block; what is in it at the end is killed."""
    path = ROOT / f"lab-{name}"
    path.mkdir()
    try:
        yield path
    finally:
        _kill_members(path)
        wait_until(lambda: not members(path), f"the end of {members(path)}", _END_TIMEOUT_S)
        path.rmdir()


def enter(path: Path) -> None:
    """Move the calling process into a group; its future children are born there."""
    (path / "cgroup.procs").write_text("0")


def members(path: Path) -> list[int]:
    """The living processes of a group."""
    return [int(pid) for pid in (path / "cgroup.procs").read_text().split()]


def _kill_members(path: Path) -> None:
    """Kill all at once; kernels before 5.14 only know how to do it one by one."""
    everybody = path / "cgroup.kill"
    if everybody.exists():
        everybody.write_text("1")
        return
    for pid in members(path):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
