"""The supervisor's report on its workers, for `aod status`."""

import logging
import os
import time
from pathlib import Path
from typing import Final

from msgspec import Struct, field
from msgspec.json import Decoder

from aod import __version__, log
from aod.state.report_file import ReportFile
from aod.text import utc_now

INTERVAL_SEC: Final = 2.0


class WorkerReport(Struct, frozen=True):
    """One stage's worker."""

    stage: str
    state: str
    """aod.supervision.lifecycle.WorkerState, in lower case."""
    pid: int
    """0: there is no process now."""
    health: str = field(name="says")
    """The state in its last heartbeat (aod.transport.wire.HealthState)."""
    note: str
    """The note in its last heartbeat."""
    heartbeat_ns: int = field(name="beat_ns")
    """When that came, CLOCK_MONOTONIC; 0: never."""
    restarts: int
    """Since the supervisor started."""
    last_end: str
    """How the process before the last respawn ended, and when; empty: there was none."""
    counters: dict[str, int]


class DaemonReport(Struct, frozen=True):
    """The supervisor and its workers."""

    version: str = ""
    pid: int = 0
    since: str = ""
    """UTC."""
    written_ns: int = 0
    """CLOCK_MONOTONIC."""
    workers: tuple[WorkerReport, ...] = ()


FILE: Final = ReportFile("daemon.json", DaemonReport(), Decoder(DaemonReport).decode)
"""Written by the supervisor."""


class Reporter:
    """Writes the report, every few seconds and when a worker's state changes."""

    def __init__(self, runtime_dir: Path, logger: logging.Logger) -> None:
        self._runtime_dir = runtime_dir
        self._warn_once = log.WarnOnce(logger, logging.ERROR)
        self._since = utc_now()
        self._next = 0.0
        self._states: tuple[str, ...] = ()

    def tick(self, workers: tuple[WorkerReport, ...], now: float) -> None:
        """Write, if that is due; `now` is monotonic seconds."""
        states = tuple(f"{one.state} {one.pid}" for one in workers)
        if now < self._next and states == self._states:
            return
        self._next, self._states = now + INTERVAL_SEC, states
        report = DaemonReport(__version__, os.getpid(), self._since, time.monotonic_ns(), workers)
        try:
            FILE.write(self._runtime_dir, report)
        except OSError as error:
            self._warn_once(f"{self._runtime_dir / FILE.name} cannot be written: {error}")
