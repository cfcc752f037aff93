"""The orderly shutdown: stage after stage in the order of the data, so that nothing is cut off.

A stage that does not end in its time is killed; the next start finds what it had left to do."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from aod.supervision.process import Process, how_it_ended

LEAST_SHARES: Final = {"detect": 0.1, "capture": 0.5, "cleanup": 0.05}
"""The share of the whole time that is kept for a stage. Those before it may use up the rest: what
collect does not read in time is lost, what capture does not seal is not."""
_KILL_SEC: Final = 1.0
"""For a killed worker to be gone; it takes longer only while the kernel holds it."""


def budget_sec(total_sec: float, left_sec: float, behind: Sequence[str]) -> float:
    """The time for a stage when `left_sec` of `total_sec` is left, with these stages to follow."""
    reserved = total_sec * sum(LEAST_SHARES[stage] for stage in behind)
    least = total_sec * min(LEAST_SHARES.values())
    return max(least, left_sec - reserved)


class Shutdown:
    """One shutdown."""

    def __init__(
        self,
        total_sec: float,
        wait: Callable[[float], None],
        is_urgent: Callable[[], bool],
        logger: logging.Logger,
    ) -> None:
        """`wait` reads the workers' channels for that many seconds at most; `is_urgent` says
        whether to kill at once."""
        self._total_sec = total_sec
        self._wait = wait
        self._is_urgent = is_urgent
        self._logger = logger

    def stop_all(self, processes: Sequence[Process]) -> None:
        """Stop them, the first one first."""
        end = time.monotonic() + self._total_sec
        for at, process in enumerate(processes):
            behind = [one.stage for one in processes[at + 1 :]]
            self._stop(process, budget_sec(self._total_sec, end - time.monotonic(), behind))

    def _stop(self, process: Process, seconds: float) -> None:
        process.terminate(seconds)
        if not self._has_ended(process, seconds, self._is_urgent):
            self._logger.warning("%s: not done in time, killing it", process.stage)
            process.kill()
            if not self._has_ended(process, _KILL_SEC, lambda: False):
                text = "%s: pid %d killed, but held by the kernel"
                self._logger.error(text, process.stage, process.pid)
                process.abandon()
        if process.exit_code:
            how = how_it_ended(process.exit_code)
            self._logger.warning("%s: %s during shutdown", process.stage, how)

    def _has_ended(self, process: Process, seconds: float, give_up: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while process.alive and not process.reap():
            left_sec = deadline - time.monotonic()
            if left_sec <= 0 or give_up():
                return False
            self._wait(left_sec)
        return True
