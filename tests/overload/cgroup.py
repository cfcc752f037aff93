"""A limit of memory for a process and all that it starts: a control group of version 1 or 2."""

from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from scripts.vm.guest.wait import wait_until

_MOUNT: Final = Path("/sys/fs/cgroup")
_PATIENCE_SEC: Final = 10


class _Names(NamedTuple):
    """What the files are called."""

    limit: str
    peak: str


_V1: Final = _Names("memory.limit_in_bytes", "memory.max_usage_in_bytes")
_V2: Final = _Names("memory.max", "memory.peak")


class NoMemoryControllerError(Exception):
    """This host has no usable memory controller; the text names where it was looked for."""


class MemoryLimit:
    """A group of its own; gone with the block, when its processes are.

    Raises:
        NoMemoryControllerError: no control groups are mounted here, or none limits memory.
    """

    def __init__(self, name: str) -> None:
        v1 = (_MOUNT / "memory").is_dir()
        self._names = _V1 if v1 else _V2
        self._folder = (_MOUNT / "memory" if v1 else _MOUNT) / name

    def __enter__(self) -> Self:
        parent = self._folder.parent
        if not (parent / "cgroup.procs").exists():
            raise NoMemoryControllerError(f"{parent} is no control group")
        try:
            self._folder.mkdir()
        except OSError as error:
            raise NoMemoryControllerError(f"no control group can be made: {error}") from error
        if not (self._folder / self._names.limit).exists():
            self._folder.rmdir()
            raise NoMemoryControllerError(f"control groups in {parent} do not limit memory")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        members = self._folder / "cgroup.procs"
        wait_until(lambda: not members.read_text(), f"an empty {members}", _PATIENCE_SEC)
        self._folder.rmdir()

    def command(self) -> list[str]:
        """What a command is preceded by that is to run in the group."""
        enter = 'echo $$ > "$0" && exec "$@"'
        return ["sh", "-c", enter, str(self._folder / "cgroup.procs")]

    def set(self, size_bytes: int) -> None:
        (self._folder / self._names.limit).write_text(str(size_bytes))

    def peak_bytes(self) -> int:
        """The most that was ever in use."""
        return int((self._folder / self._names.peak).read_text())

    def hits(self) -> int:
        """How often there was no more to be had; what can be given back then is."""
        if self._names is _V1:
            return int((self._folder / "memory.failcnt").read_text())
        lines = (self._folder / "memory.events").read_text().splitlines()
        return int(dict(line.split() for line in lines)["max"])
