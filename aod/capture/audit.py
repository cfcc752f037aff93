"""What became of each anomaly: closed in the backlog, written to the audit log, counted, logged.

Audit entries are written by a thread of their own, in order: the output folder may hang."""

import logging
import time
from collections import Counter, deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from aod import log
from aod.anomaly import Anomaly
from aod.audit import entries
from aod.audit.entries import Entry
from aod.audit.log import AuditLog
from aod.bundles.bundle import Made
from aod.capture.backlog import Backlog
from aod.config.schema import Config
from aod.state.ledger import Kind
from aod.transport.wire import Suppressed

MAX_REMEMBERED: Final = 4096
MAX_QUEUED: Final = 8192
"""Audit entries for an output folder that hangs."""
BUSY_SEC: Final = 0.25
"""Until a folder is tried again that another process holds."""


class CaptureAudit:
    """Keeps the audit log, the backlog and the counters of the heartbeat in step.

    Attributes:
        backlog: the anomalies that have no bundle yet.
        sealed, failed, refused: how many bundles.
        waiting: the anomalies that were reported to wait."""

    def __init__(self, config: Config, logger: logging.Logger, backlog: Backlog) -> None:
        self.backlog = backlog
        self.sealed = self.failed = self.refused = 0
        self.waiting: set[int] = set()
        self._logger = logger
        self._audit_log = AuditLog(config, logger)
        self._declared: deque[int] = deque(maxlen=MAX_REMEMBERED)
        self._sealed: deque[int] = deque(maxlen=MAX_REMEMBERED)
        """By a predecessor, as the audit log has it."""
        self._lock = Lock()
        self._queued = self._missed = 0
        self._writer = ThreadPoolExecutor(1, "audit")

    def use(self, config: Config) -> None:
        """Use this configuration's settings of the audit log."""
        self._audit_log.use(config)

    def remember(self, known: Iterable[Entry]) -> None:
        """Learn from the audit log what a predecessor has reported."""
        for entry in known:
            if isinstance(entry, entries.Declared):
                self._declared.append(entry.timestamp)
            elif isinstance(entry, entries.CaptureSealed):
                self._sealed.append(entry.timestamp)

    def knows(self, timestamp: int) -> bool:
        """Whether it was declared."""
        return timestamp in self._declared

    def declared(self, anomaly: Anomaly) -> None:
        """Capture knows of an anomaly; of one that it knew, nothing new."""
        if not self.knows(anomaly.timestamp):
            self._declared.append(anomaly.timestamp)
            self._write(entries.declared(anomaly))

    def suppressed(self, message: Suppressed) -> None:
        """An episode ended, in which triggers were suppressed."""
        name, timestamp, count = message.name, message.timestamp, message.count
        self._write(entries.SuppressedTriggers(name=name, timestamp=timestamp, count=count))

    def waits(self, timestamp: int, why: str) -> None:
        """It is not captured now; reported once: the free space in the reason always changes."""
        if timestamp not in self.waiting:
            self.waiting.add(timestamp)
            self._write(entries.CaptureWaits(timestamp=timestamp, why=why))

    def busy(self, timestamp: int, why: str) -> None:
        """Another process fills its folder, so it is tried again soon."""
        self.backlog.postpone(timestamp, time.monotonic() + BUSY_SEC)
        self.waits(timestamp, why)

    def begun(self, anomaly: Anomaly) -> None:
        """Its bundle is being made."""
        self.declared(anomaly)
        self.waiting.discard(anomaly.timestamp)
        self._write(entries.CaptureBegun(timestamp=anomaly.timestamp))

    def interrupted(self, timestamp: int, why: str) -> None:
        """Its bundle was begun, and left unfinished."""
        self._write(entries.CaptureInterrupted(timestamp=timestamp, why=why))

    def is_sealed(self, anomaly: Anomaly, made: Made, duration_sec: float) -> None:
        """Its bundle was made."""
        self.sealed += 1
        timestamp, name, path = anomaly.timestamp, anomaly.name, made.sealed.path
        size_bytes, first_ns = made.sealed.size_bytes, made.first_evidence_ns
        entry = entries.CaptureSealed(
            timestamp=timestamp,
            bundle=Path(path).name,
            size_bytes=size_bytes,
            duration_sec=round(duration_sec, 6),
            sources=dict(Counter(str(source.status) for source in made.sources)),
            first_evidence_sec=None if first_ns is None else round(first_ns / 1e9, 6),
        )
        self._write(entry)
        self.backlog.done(timestamp, Kind.SEALED)
        self._logger.info(
            "sealed %s: %d KiB in %.2f s",
            *(entry.bundle, size_bytes >> 10, duration_sec),
            extra=log.fields(AOD_ANOMALY=name, AOD_BUNDLE=path, AOD_TIMESTAMP=timestamp),
        )

    def was_sealed(self, timestamp: int, path: Path) -> None:
        """Its bundle is there; reported where a predecessor died before it could."""
        if timestamp in self._sealed:
            return
        with suppress(FileNotFoundError):  # deleted since
            size = path.stat().st_size
            entry = entries.CaptureSealed(
                timestamp=timestamp, bundle=path.name, size_bytes=size, duration_sec=0.0, sources={}
            )
            self._write(entry)

    def has_failed(self, timestamp: int, error: Exception) -> None:
        """Its bundle could not be made; it is tried again, but for the last time."""
        if not isinstance(error, OSError):
            self._logger.error("bundle %d", timestamp, exc_info=error)
        self.failed += 1
        attempt, next_try_sec = self.backlog.failed(timestamp, time.monotonic(), error)
        entry = entries.CaptureFailed(
            timestamp=timestamp, why=str(error), attempt=attempt, next_try_sec=next_try_sec
        )
        self._write(entry)

    def has_refused(self, anomaly: Anomaly, why: str) -> None:
        """It gets no bundle."""
        self.declared(anomaly)
        self.refused += 1
        self.waiting.discard(anomaly.timestamp)
        self._write(entries.CaptureRefused(timestamp=anomaly.timestamp, why=why))

    def _write(self, entry: Entry) -> None:
        """Have an entry written; where too many are on their way, it is only counted."""
        with self._lock:
            if self._queued >= MAX_QUEUED:
                self._missed += 1
                return
            self._queued += 1
        self._writer.submit(self._write_now, entry)

    def _write_now(self, entry: Entry) -> None:
        with self._lock:
            self._queued -= 1
            missed, self._missed = self._missed, 0
        self._audit_log.missed += missed
        self._audit_log.write(entry)

    def close(self) -> None:
        """Wait until everything is written."""
        self._writer.shutdown()
