"""The stop: stage after stage in the order of the data, so that each gets all of the last one.

One that does not end in its time is ended; what it had is then found by the next start.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from aod.supervision.process import Process, how_it_ended

LEAST_SHARES: Final = {"detect": 0.1, "capture": 0.5, "cleanup": 0.05}
"""Of the time for the whole stop: what a stage needs at least. Those before it may use up all the
rest: what collect does not read in time is lost, what capture does not seal is not."""
_KILL_SEC: Final = 1.0
"""For a worker that was killed to be gone; longer only in the kernel's hands."""


def budget_sec(total_sec: float, left_sec: float, behind: Sequence[str]) -> float:
    """The time of a stage when `left_sec` of `total_sec` is left, with these behind it."""
    needed = total_sec * sum(LEAST_SHARES[stage] for stage in behind)
    least = total_sec * min(LEAST_SHARES.values())
    return max(least, left_sec - needed)


class Stopping:
    """One stop."""

    def __init__(
        self,
        total_sec: float,
        wait: Callable[[float], None],
        is_urgent: Callable[[], bool],
        log: logging.Logger,
    ) -> None:
        """`wait` waits for the workers, that many seconds at most, and hears them; `is_urgent` says
        whether to give up at once."""
        self._total_sec = total_sec
        self._wait = wait
        self._is_urgent = is_urgent
        self._log = log

    def stop_all(self, processes: Sequence[Process]) -> None:
        """Stop them, the first one first."""
        end = time.monotonic() + self._total_sec
        for at, process in enumerate(processes):
            behind = [one.stage for one in processes[at + 1 :]]
            self._stop(process, budget_sec(self._total_sec, end - time.monotonic(), behind))

    def _stop(self, process: Process, seconds: float) -> None:
        process.terminate(seconds)
        if not self._has_ended(process, seconds, self._is_urgent):
            self._log.warning("%s: not done in time; ending it", process.stage)
            process.kill()
            if not self._has_ended(process, _KILL_SEC, lambda: False):
                self._log.error("%s: pid %d stays: the kernel holds it", process.stage, process.pid)
                process.bury()
        if process.exit_code:
            how = how_it_ended(process.exit_code)
            self._log.warning("%s: %s while stopping", process.stage, how)

    def _has_ended(self, process: Process, seconds: float, give_up: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while process.alive and not process.reap():
            left_sec = deadline - time.monotonic()
            if left_sec <= 0 or give_up():
                return False
            self._wait(left_sec)
        return True
