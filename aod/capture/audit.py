"""What capture did, for the audit log and for the heartbeat; each anomaly is declared once.

Records are written by a thread of their own, in order: the output folder may hang.
"""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from aod.anomaly import Anomaly
from aod.audit.entries import (
    CaptureBegun,
    CaptureFailed,
    CaptureInterrupted,
    CaptureRefused,
    CaptureSealed,
    CaptureWaits,
    Declared,
    Entry,
    SuppressedTriggers,
    declared,
)
from aod.audit.log import AuditLog
from aod.bundles.bundle import Made
from aod.capture.backlog import Failure
from aod.config.schema import Config
from aod.transport.wire import Suppressed

MAX_REMEMBERED: Final = 4096
MAX_QUEUED: Final = 8192
"""Records for an output folder that hangs."""


class Account:
    """Counts and records.

    Attributes:
        sealed, failed, refused: how many bundles.
        waiting: those of which it was told that they wait.
    """

    def __init__(self, log: AuditLog) -> None:
        self.sealed = self.failed = self.refused = 0
        self._audit = log
        self._declared: dict[int, None] = {}
        self._sealed: dict[int, None] = {}
        """By a predecessor, as the log has it."""
        self.waiting: set[int] = set()
        self._lock = Lock()
        self._queued = self._missed = 0
        self._writer = ThreadPoolExecutor(1, "audit")

    def use(self, config: Config) -> None:
        """Go on with this configuration's settings of the log."""
        self._audit.use(config)

    def remember(self, records: Iterable[Entry]) -> None:
        """Learn from the log itself what a predecessor has told."""
        for record in records:
            if isinstance(record, Declared):
                _keep(self._declared, record.timestamp)
            elif isinstance(record, CaptureSealed):
                _keep(self._sealed, record.timestamp)

    def knows(self, timestamp: int) -> bool:
        """Whether it was declared."""
        return timestamp in self._declared

    def declared(self, anomaly: Anomaly) -> None:
        """Capture knows of an anomaly; of one that it knew, nothing new."""
        if not self.knows(anomaly.timestamp):
            _keep(self._declared, anomaly.timestamp)
            self.write(declared(anomaly))

    def waits(self, timestamp: int, why: str) -> None:
        """It is not captured now; said once until it is: how much space is free changes always."""
        if timestamp not in self.waiting:
            self.waiting.add(timestamp)
            self.write(CaptureWaits(timestamp=timestamp, why=why))

    def begun(self, anomaly: Anomaly) -> None:
        self.declared(anomaly)
        self.waiting.discard(anomaly.timestamp)
        self.write(CaptureBegun(timestamp=anomaly.timestamp))

    def made(self, made: Made, duration_sec: float) -> None:
        self.sealed += 1
        first_ns = made.first_evidence_ns
        self.write(
            CaptureSealed(
                timestamp=made.sealed.timestamp,
                bundle=Path(made.sealed.path).name,
                size_bytes=made.sealed.size_bytes,
                duration_sec=round(duration_sec, 6),
                sources=dict(Counter(str(source.status) for source in made.sources)),
                first_evidence_sec=None if first_ns is None else round(first_ns / 1e9, 6),
            )
        )

    def found_sealed(self, path: Path, timestamp: int) -> None:
        """A bundle was there already; told where a predecessor died before it told of it."""
        if timestamp in self._sealed:
            return
        with suppress(FileNotFoundError):  # deleted since
            size_bytes = path.stat().st_size
            self.write(
                CaptureSealed(
                    timestamp=timestamp,
                    bundle=path.name,
                    size_bytes=size_bytes,
                    duration_sec=0.0,
                    sources={},
                )
            )

    def suppressed(self, message: Suppressed) -> None:
        """An episode is over, and hid triggers."""
        name, timestamp, count = message.name, message.timestamp, message.count
        self.write(SuppressedTriggers(name=name, timestamp=timestamp, count=count))

    def has_failed(self, timestamp: int, why: object, failure: Failure) -> None:
        self.failed += 1
        attempt, next_try_sec = failure
        self.write(
            CaptureFailed(
                timestamp=timestamp, why=str(why), attempt=attempt, next_try_sec=next_try_sec
            )
        )

    def has_refused(self, anomaly: Anomaly, why: str) -> None:
        self.declared(anomaly)
        self.refused += 1
        self.waiting.discard(anomaly.timestamp)
        self.write(CaptureRefused(timestamp=anomaly.timestamp, why=why))

    def interrupted(self, timestamp: int, why: str) -> None:
        self.write(CaptureInterrupted(timestamp=timestamp, why=why))

    def write(self, record: Entry) -> None:
        """Have a record written; where too many are on their way, it is only counted."""
        with self._lock:
            if self._queued >= MAX_QUEUED:
                self._missed += 1
                return
            self._queued += 1
        self._writer.submit(self._write, record)

    def _write(self, record: Entry) -> None:
        with self._lock:
            self._queued -= 1
            missed, self._missed = self._missed, 0
        self._audit.miss(missed)
        self._audit.write(record)

    def close(self) -> None:
        """Wait until everything is written."""
        self._writer.shutdown()


def _keep(known: dict[int, None], timestamp: int) -> None:
    """Remember it, and forget the oldest where there are too many."""
    known[timestamp] = None
    while len(known) > MAX_REMEMBERED:
        del known[next(iter(known))]
