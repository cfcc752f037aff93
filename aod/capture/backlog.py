"""The anomalies that capture still has to handle: in the spool, or known from a message only.

The spool is the truth; a message only announces it. Its anomaly counts where the spool could not be
written, as with a full state folder."""

import logging
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final

from aod.anomaly import Anomaly, Cause
from aod.state import names, spool
from aod.state.ledger import Kind, Ledger
from aod.state.spool import SpoolError

RETRY_DELAYS_SEC: Final = (1.0, 5.0, 25.0)
MAX_UNSPOOLED: Final = 64
AT_ONCE: Final = 256
"""Entries that are read in one go, so that a flood cannot keep capture from its other work."""


@dataclass
class _Attempts:
    """Of a capture that failed."""

    count: int = 0
    not_before: float = 0.0
    """Monotonic seconds."""


class Backlog:
    """Anomalies that have no bundle yet, oldest first, with the retries of each.

    What is in the spool is as of the last `refresh`.

    Attributes:
        set_aside: how many failed permanently.
        adopted: those without an entry, whose unfinished bundle is sealed as it is."""

    def __init__(self, folder: Path, logger: logging.Logger, ledger: Ledger) -> None:
        self.set_aside = 0
        self.adopted: set[int] = set()
        self._ledger = ledger
        self._folder = folder
        self._logger = logger
        self._spooled: set[int] = set()
        self._unspooled: dict[int, Anomaly] = {}
        self._attempts: defaultdict[int, _Attempts] = defaultdict(_Attempts)

    def refresh(self) -> None:
        """List the spool."""
        found = (names.spooled.timestamp(path.name) for path in spool.pending(self._folder))
        self._spooled = {timestamp for timestamp in found if timestamp is not None}

    def losses(self) -> dict[str, int]:
        """How many anomalies got no bundle since the daemon began, by reason, for a manifest."""
        counts = self._ledger.state.counts
        return {
            "refused_captures": counts[Kind.REFUSED],
            "set_aside_captures": counts[Kind.SET_ASIDE],
            "lost_anomalies": counts[Kind.LOST],
        }

    def offer(self, anomaly: Anomaly) -> bool:
        """Take an anomaly from a message, if it is not in the spool; False: it is refused."""
        if os.path.lexists(self._path(anomaly.timestamp)):
            self._spooled.add(anomaly.timestamp)
            return True
        try:
            spool.check(anomaly)
            if anomaly.rule is Cause.MANUAL:
                raise SpoolError("a bundle is asked for through the spool only")
        except SpoolError as error:
            self._logger.warning("an anomaly in a message is refused: %s", error)
            return False
        if anomaly.timestamp in self._ledger.state.outcomes:
            return True  # declared again, by a detect that was killed
        self._ledger.enter(anomaly.timestamp, Kind.UNSPOOLED)
        if len(self._unspooled) >= MAX_UNSPOOLED:
            self._logger.error("anomaly %d is dropped: the backlog is full", anomaly.timestamp)
            self._ledger.close_entry(anomaly.timestamp, Kind.LOST)
        else:
            self._unspooled[anomaly.timestamp] = anomaly
        return True

    def due(self, now: float, busy: Container[int]) -> Iterator[Anomaly]:
        """What to capture now, oldest first; what is no anomaly fails permanently on the way.

        Args:
            now: monotonic seconds.
            busy: timestamps that are being captured."""
        for timestamp in self._waiting(busy, now)[:AT_ONCE]:
            if self._ledger.state.outcomes.get(timestamp, Kind.SEALED) is not Kind.SEALED:
                # Declared again, or we were killed before that.
                self._forget(timestamp, spool.remove, "removed")
            elif (anomaly := self._read(timestamp, now)) is not None:
                yield anomaly

    def __contains__(self, timestamp: int) -> bool:
        return timestamp in self._spooled or timestamp in self._unspooled

    def __len__(self) -> int:
        return len(self._spooled | self._unspooled.keys())

    def done(self, timestamp: int, outcome: Kind) -> None:
        """There is nothing more to do for it."""
        self._ledger.close_entry(timestamp, outcome)
        self._forget(timestamp, spool.remove, "removed")

    def _forget(self, timestamp: int, take_out: Callable[[Path], object], taken_out: str) -> None:
        """Forget it and its entry; one that stays is ignored as long as this process lives."""
        self._spooled.discard(timestamp)
        self._unspooled.pop(timestamp, None)
        self._attempts.pop(timestamp, None)
        try:
            take_out(self._path(timestamp))
        except OSError as error:
            self._attempts[timestamp].not_before = inf
            text = "anomaly %d stays in the spool: its entry cannot be %s: %s"
            self._logger.error(text, timestamp, taken_out, error)

    def failed(self, timestamp: int, now: float, why: object) -> tuple[int, float | None]:
        """A capture failed: it is tried again later; the last time it fails permanently.

        Which attempt that was, from 1 on, and seconds until the next one; None: there is none."""
        attempts = self._attempts[timestamp]
        attempts.count += 1
        if attempts.count > len(RETRY_DELAYS_SEC):
            self._fail_permanently(timestamp, f"failed {attempts.count} times, last: {why}")
            return attempts.count, None
        delay_sec = RETRY_DELAYS_SEC[attempts.count - 1]
        attempts.not_before = now + delay_sec
        self._logger.error("bundle %d failed, again in %g s: %s", timestamp, delay_sec, why)
        return attempts.count, delay_sec

    def postpone(self, timestamp: int, until: float) -> None:
        """Not before then (monotonic seconds); nothing has failed."""
        self._attempts[timestamp].not_before = until

    def refuse(self, most: int, now: float, busy: Container[int]) -> list[Anomaly]:
        """Forget those that wait beyond the oldest `most`; they get no bundle.

        The onset of an incident is worth most. What a person asked for is never refused."""
        refused = []
        for timestamp in self._waiting(busy, sys.float_info.max)[most:][:AT_ONCE]:
            anomaly = self._read(timestamp, now)
            if anomaly is not None and anomaly.rule is not Cause.MANUAL:
                self.done(timestamp, Kind.REFUSED)
                refused.append(anomaly)
        return refused

    def adopt(self, anomaly: Anomaly) -> None:
        """Take an anomaly that has no entry, and whose bundle was begun."""
        self.adopted.add(anomaly.timestamp)
        self._ledger.enter(anomaly.timestamp, Kind.ADOPTED)
        self._unspooled[anomaly.timestamp] = anomaly

    def settle(self) -> None:
        """Close what only a dead predecessor's memory held; call it when leftovers are known."""
        origins = self._ledger.state.origins
        for timestamp in self._ledger.state.open:
            if origins[timestamp] is Kind.UNSPOOLED and timestamp not in self:
                self._logger.error("anomaly %d is lost with the capture that held it", timestamp)
                self._ledger.close_entry(timestamp, Kind.LOST)

    def _waiting(self, busy: Container[int], until: float) -> list[int]:
        """Oldest first; without those that are not to be tried until then (monotonic seconds)."""
        return [
            timestamp
            for timestamp in sorted(self._spooled | self._unspooled.keys())
            if timestamp not in busy and self._attempts[timestamp].not_before <= until
        ]

    def _read(self, timestamp: int, now: float) -> Anomaly | None:
        if timestamp in self._unspooled:
            return self._unspooled[timestamp]
        try:
            anomaly = spool.read(self._path(timestamp))
            self._ledger.enter(timestamp, Kind.ASKED if anomaly.rule is Cause.MANUAL else Kind.SEEN)
            return anomaly
        except FileNotFoundError:
            return None
        except SpoolError as error:
            self._fail_permanently(timestamp, f"not ours: {error}")
        except OSError as error:
            self.failed(timestamp, now, error)
        return None

    def _fail_permanently(self, timestamp: int, why: str) -> None:
        self.set_aside += 1
        self._logger.error("anomaly %d failed permanently: %s", timestamp, why)
        self._ledger.enter(timestamp, Kind.SEEN)
        self._ledger.close_entry(timestamp, Kind.SET_ASIDE)
        self._forget(timestamp, spool.set_aside, "renamed")

    def _path(self, timestamp: int) -> Path:
        return self._folder / names.spooled(timestamp)
