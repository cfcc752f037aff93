"""Which processes are ours: what they ask a share for is evidence, never an incident."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Children:
    """The children that run now; `told` is called with all their pids whenever that changes."""

    def __init__(self, told: Callable[[tuple[int, ...]], object]) -> None:
        self._told = told
        self._pids: list[int] = []

    @contextmanager
    def running(self, pid: int) -> Iterator[None]:
        """The child `pid` runs as long as this context lasts."""
        self._pids.append(pid)
        self._told(tuple(self._pids))
        try:
            yield
        finally:
            self._pids.remove(pid)
            self._told(tuple(self._pids))
