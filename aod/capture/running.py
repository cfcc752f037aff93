"""What may end a capture before its time: a stop, or a disk that gets full."""

import asyncio
import time
from typing import Final

import msgspec

from aod.actions.output import Budget
from aod.bundles.filling import Policy

HURRY_SHARE: Final = 0.4
GIVE_UP_SHARE: Final = 0.8
"""Of the time that the stop may take: when sources are cut short, and when bundles are left for the
next start, so that the stage has ended by itself before the supervisor ends it."""


class Running:
    """One capture: how it is ended before its time, and what is told of that."""

    def __init__(self, max_bytes: int) -> None:
        self.hurry: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.budget = Budget(max_bytes)

    def end(self, why: str = "") -> None:
        """Cut its sources short; with a reason, it takes no more of the disk either."""
        if why and not self.budget.ended:
            self.budget.end(why)
        if not self.hurry.done():
            self.hurry.set_result(None)

    def policy(self, common: Policy) -> Policy:
        limits = msgspec.structs.replace(common.limits, hurry=self.hurry, budget=self.budget)
        return msgspec.structs.replace(common, limits=limits)

    def note(self) -> str:
        """For the manifest."""
        return f"ended early: {self.budget.ended}" if self.budget.ended else ""


class StopClock:
    """How much of the time to stop is over."""

    def __init__(self) -> None:
        self._within_sec = 0.0
        self._began: float | None = None

    def begin(self, within_sec: float) -> None:
        """Told to stop within that time; for the first time, or again."""
        if self._began is None:
            self._began, self._within_sec = time.monotonic(), within_sec

    def is_over(self, share: float) -> bool:
        """Whether this share of it is; never before the stop."""
        return self._began is not None and time.monotonic() - self._began > share * self._within_sec
