"""The job of making one bundle: what may end it early, what room it has, which children it runs."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aod.actions.output import Budget
from aod.config.schema import Config

ASKING_AT_ONCE: Final = 8
"""How many ask servers at the same time, for all bundles together: each smbinfo is a Python with 8
MB of its own, and the servers have enough to suffer."""


class Children:
    """The children that run now; `report` is called with all their pids whenever that changes.

    Attributes:
        asking: to be held by each that asks a server."""

    def __init__(self, report: Callable[[tuple[int, ...]], object]) -> None:
        self._report = report
        self._pids: list[int] = []
        self.asking = asyncio.Semaphore(ASKING_AT_ONCE)

    def report(self) -> None:
        """Report the pids of now."""
        self._report(tuple(self._pids))

    @contextmanager
    def running(self, pid: int) -> Iterator[None]:
        """The child `pid` runs as long as this context lasts."""
        self._pids.append(pid)
        self.report()
        try:
            yield
        finally:
            self._pids.remove(pid)
            self.report()


class Job:
    """One bundle in the making; to be made within the event loop.

    Attributes:
        hurry: done when all that runs has to end, with what it has printed so far.
        budget: what the bundle's files may still hold.
        children: where each child is reported.
        runtime_dir: where it is agreed on who reads the client's files."""

    def __init__(self, config: Config, children: Children) -> None:
        self.hurry: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.budget = Budget(int(config.capture.max_bundle_mb * (1 << 20)))
        self.children = children
        self.runtime_dir = config.runtime_dir

    def end(self, why: str = "") -> None:
        """Cut its sources short; with a reason, it takes no more of the disk either."""
        if why and not self.budget.ended:
            self.budget.end(why)
        if not self.hurry.done():
            self.hurry.set_result(None)

    @property
    def why_hurry(self) -> str:
        """Why it has to end early; empty: it does not."""
        return (self.budget.ended or "aod was shutting down") if self.hurry.done() else ""

    @property
    def note(self) -> str:
        """Why the bundle was ended early, for the manifest."""
        return f"ended early: {self.budget.ended}" if self.budget.ended else ""
