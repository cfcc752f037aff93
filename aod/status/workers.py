"""How it stands with the workers: a small file that the supervisor writes, for `aod status`."""

import logging
import os
import time
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from aod import __version__
from aod.files import read_regular, replace
from aod.text import utc_now

FILE: Final = "daemon.json"
_MAX_BYTES: Final = 1 << 20
INTERVAL_SEC: Final = 2.0


class WorkerReport(Struct, frozen=True):
    """One stage's worker."""

    stage: str
    state: str
    """Of its life (aod.supervision.lifecycle.WorkerState)."""
    pid: int
    """0: there is none now."""
    says: str
    """The state in its last heartbeat."""
    note: str
    beat_ns: int
    """When that came, CLOCK_MONOTONIC; 0: never."""
    restarts: int
    """Since this supervisor began."""
    last_end: str
    """How the last one of them ended, and when; empty: none did."""
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


class Reporter:
    """Writes the file, every few seconds and when a worker's state changes."""

    def __init__(self, runtime_dir: Path, log: logging.Logger) -> None:
        self._path = runtime_dir / FILE
        self._log = log
        self._since = utc_now()
        self._next = 0.0
        self._states: tuple[str, ...] = ()
        self._said = ""

    def tick(self, workers: tuple[WorkerReport, ...], now: float) -> None:
        """Write, if it is time; `now` is monotonic seconds."""
        states = tuple(f"{one.state} {one.pid}" for one in workers)
        if now < self._next and states == self._states:
            return
        self._next, self._states = now + INTERVAL_SEC, states
        report = DaemonReport(__version__, os.getpid(), self._since, time.monotonic_ns(), workers)
        try:
            self._write(report)
        except OSError as error:
            if str(error) != self._said:
                self._log.error("%s is not written: %s", self._path, error)
                self._said = str(error)

    def _write(self, report: DaemonReport) -> None:
        replace(self._path, msgspec.json.encode(report))


def read(runtime_dir: Path) -> DaemonReport:
    """The report in this folder; an empty one where there is none of ours."""
    try:
        content = read_regular(runtime_dir / FILE, _MAX_BYTES)
        return msgspec.json.decode(content, type=DaemonReport)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return DaemonReport()
