"""What proc(5) shows of processes."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_DEAD: Final = "ZX"
KIB: Final = 1024


class Process(NamedTuple):
    """A line of /proc/PID/stat."""

    pid: int
    comm: str
    """Its name, as `ps -o comm` prints it."""
    state: str
    """One letter: T is stopped, Z a zombie."""
    parent: int
    session: int

    @property
    def is_alive(self) -> bool:
        return self.state not in _DEAD


def processes() -> Iterator[Process]:
    """Every process, zombies included."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (found := find(int(folder.name))) is not None:
            yield found


def find(pid: int) -> Process | None:
    """A process; None where there is none."""
    with suppress(OSError):
        # The name, in parentheses, may itself hold blanks and parentheses.
        before, _, after = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")
        state, parent, _group, session = after.split()[:4]
        return Process(pid, before.partition("(")[2], state, int(parent), int(session))
    return None


def is_alive(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    found = find(pid)
    return found is not None and found.is_alive


def children(pid: int) -> dict[int, str]:
    """The living children of a process: pid -> name. /proc/PID/task/TID/children is not in every
    kernel."""
    return {one.pid: one.comm for one in processes() if one.parent == pid and one.is_alive}


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents = {one.pid: one.parent for one in processes()}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def named(comm: str) -> list[int]:
    """The living processes of this name."""
    return [one.pid for one in processes() if one.comm == comm and one.is_alive]


def session_members(session: int) -> list[int]:
    """The living processes of a session."""
    return [one.pid for one in processes() if one.session == session and one.is_alive]


def status_field(pid: int, field: str) -> list[str]:
    """The words of a line of /proc/PID/status.

    Raises:
        OSError: there is no such process.
        KeyError: its status has no such line.
    """
    for line in (Path("/proc") / str(pid) / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return value.split()
    raise KeyError(field)


def memory_bytes(pid: int, field: str = "VmRSS") -> int:
    """A size in /proc/PID/status: VmRSS, VmHWM (its peak), RssAnon."""
    return int(status_field(pid, field)[0]) * KIB


def private_bytes(pid: int) -> int:
    """Its memory that it shares with no other process (/proc/PID/smaps_rollup)."""
    lines = (Path("/proc") / str(pid) / "smaps_rollup").read_text().splitlines()
    return KIB * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def cpu_ns(pids: Iterable[int]) -> int:
    """Time on a CPU so far, of all their threads (/proc/PID/task/TID/schedstat, first field)."""
    return sum(
        int(path.read_text().split()[0])
        for pid in pids
        for path in (Path("/proc") / str(pid) / "task").glob("*/schedstat")
    )
