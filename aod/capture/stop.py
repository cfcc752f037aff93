"""How much of the time for a shutdown is over, and what captures have to do then."""

import time
from typing import Final

HURRY_SHARE: Final = 0.4
GIVE_UP_SHARE: Final = 0.8
"""Of the time that the shutdown may take: when sources are cut short, and when bundles are left for
the next start, so that the stage has ended by itself before the supervisor ends it."""


class StopClock:
    """How much of the time for a shutdown is over."""

    def __init__(self) -> None:
        self._within_sec = 0.0
        self._began: float | None = None

    def begin(self, within_sec: float) -> None:
        """Shut down within that time; called for the first time, or again."""
        if self._began is None:
            self._began, self._within_sec = time.monotonic(), within_sec

    def is_over(self, share: float) -> bool:
        """Whether this share of it is; never before the shutdown."""
        return self._began is not None and time.monotonic() - self._began > share * self._within_sec
