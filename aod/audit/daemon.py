"""What the supervisor tells the audit log: the daemon's life, its workers', and what was lost."""

import math
import os
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aod import __version__
from aod.audit.entries import (
    Conservation,
    Lost,
    Reloaded,
    ReloadRefused,
    Respawned,
    StageFailed,
    Started,
    Stopped,
)
from aod.audit.forked import AuditChildren
from aod.config.schema import Config
from aod.transport.eventlog import EventLog
from aod.transport.wire import Health

INTERVAL_SEC: Final = 60.0
"""Between two records of one kind: a ring that overflows does so many times a second."""
CLOSE_SEC: Final = 2.0
"""For the last records of a daemon that ends."""
COUNTED: Final = {
    ("collect", "dropped"): "operations: the kernel's ring was full",
    ("collect", "simulated"): "operations: on purpose, as --simulate-drops asks",
    ("collect", "untracked"): "operations: too many were in flight",
    ("detect", "refused"): "anomalies: too many waited already",
    ("collect", "replaced"): "operations: another build's, unread when it was replaced",
    ("collect", "malformed"): "entries of the ring that are no records",
}
"""By stage and counter of its heartbeat: what it counts. They are totals, and never fall while the
kernel's maps or the stage live."""


def totals(log: EventLog) -> dict[tuple[str, str], int]:
    """What the head of an event log has of them: a successor need not tell it again."""
    stats = log.header["stats"]
    return {
        ("collect", "dropped"): int(stats["dropped_ring_full"].sum()),
        ("collect", "simulated"): int(stats["dropped_simulated"].sum()),
        ("collect", "untracked"): int(stats["dropped_inflight_full"].sum()),
    }


class Losses:
    """The totals, and up to where they have been told: what is new, and not too often."""

    def __init__(self, told: Mapping[tuple[str, str], int]) -> None:
        """`told`: totals that an earlier daemon has told."""
        self._totals = dict(told)
        self._told = dict(told)
        self._last_told: dict[tuple[str, str], float] = {}

    def hear(self, stage: str, counters: Mapping[str, int]) -> None:
        """Learn from a heartbeat."""
        for key in COUNTED:
            if key[0] == stage and key[1] in counters:
                if counters[key[1]] < self._totals.get(key, 0):
                    self._told[key] = 0  # it counts anew, in a new process or new maps
                self._totals[key] = counters[key[1]]

    def due(self, now: float) -> list[Lost]:
        """What to tell now; `now` is monotonic seconds, infinite at the end."""
        return [
            self._tell(key, now)
            for key, total in self._totals.items()
            if total > self._told.get(key, 0)
            and now - self._last_told.get(key, -math.inf) >= INTERVAL_SEC
        ]

    def _tell(self, key: tuple[str, str], now: float) -> Lost:
        count = self._totals[key] - self._told.get(key, 0)
        self._told[key], self._last_told[key] = self._totals[key], now
        return Lost(lost=COUNTED[key], count=count)


class Account:
    """The supervisor's records.

    Attributes:
        restarts: by stage, how often a worker was brought back.
        last_end: by stage, how the last one of them had ended, and when.
    """

    def __init__(self, audit: AuditChildren) -> None:
        self.restarts: Counter[str] = Counter()
        self.last_end: dict[str, str] = {}
        self._audit = audit
        self._losses = Losses({})

    def start(self, config_file: Path | None, log: EventLog) -> None:
        """The daemon starts, with this event log."""
        self._losses = Losses(totals(log))
        path = str(config_file.absolute()) if config_file else ""
        self._audit.write(Started(version=__version__, config=path, pid=os.getpid()))

    def hear(self, health: Health) -> None:
        """A heartbeat of a worker of ours."""
        self._losses.hear(health.stage, health.counters)

    def tick(self, now: float) -> None:
        """Tell of what was lost, where it is due; `now` is monotonic seconds."""
        for lost in self._losses.due(now):
            self._audit.write(lost)
        self._audit.tick()

    def respawn(self, stage: str, how: str, respawn_at: float) -> None:
        """A worker ended, and comes back then (monotonic seconds)."""
        delay_sec = round(max(0.0, respawn_at - time.monotonic()), 3)
        self.restarts[stage] += 1
        self.last_end[stage] = f"{how}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        self._audit.write(Respawned(stage=stage, how=how, delay_sec=delay_sec))

    def alarm(self, record: Conservation) -> None:
        """A sum does not hold."""
        self._audit.write(record)

    def give_up(self, stage: str, how: str) -> None:
        """A worker ended once too often."""
        self._audit.write(StageFailed(stage=stage, how=how))

    def reload(self, changed: dict[str, str], kept: tuple[str, ...]) -> None:
        """The configuration was read again."""
        self._audit.write(Reloaded(changed=changed, kept=kept))

    def refuse_reload(self, why: str) -> None:
        """It was not."""
        self._audit.write(ReloadRefused(why=why))

    def use(self, config: Config) -> None:
        """Go on with this configuration's settings of the log."""
        self._audit.use(config)

    def stop(self, reason: str, status: int) -> None:
        """The daemon ends."""
        self.tick(math.inf)
        self._audit.write(Stopped(reason=reason, exit=status))
        self._audit.close(CLOSE_SEC)
