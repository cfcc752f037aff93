"""The supervisor's entries: the life of the daemon and of its workers, and what was lost."""

import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from aod import __version__
from aod.audit.entries import Lost, Respawned, Started, Stopped
from aod.audit.forked import ForkedAudit
from aod.text import utc
from aod.transport.eventlog import EventLog
from aod.transport.wire import Health

INTERVAL_SEC: Final = 60.0
"""Between two entries about one loss: a ring that overflows does so many times a second."""
LOSSES: Final = {
    ("collect", "dropped"): "operations: the kernel's ring was full",
    ("collect", "simulated"): "operations: on purpose, as --simulate-drops asks",
    ("collect", "untracked"): "operations: too many were in flight",
    ("detect", "refused"): "anomalies: too many waited already",
    ("collect", "replaced"): "operations: another build's, unread when it was replaced",
    ("collect", "malformed"): "entries of the ring that are no records",
}
"""By stage and counter of its heartbeat: what it counts. They are totals, and never fall while the
kernel's maps or the stage live."""
KERNEL_LOSSES: Final = {
    "dropped": "dropped_ring_full",
    "simulated": "dropped_simulated",
    "untracked": "dropped_inflight_full",
}
"""By counter of collect's heartbeat: the kernel's counter."""


def kernel_losses(event_log: EventLog) -> dict[str, int]:
    """The losses that the kernel counted, over all commands, by counter of collect's heartbeat."""
    stats = event_log.header["stats"]
    return {name: int(stats[field].sum()) for name, field in KERNEL_LOSSES.items()}


class Losses:
    """The totals, and how much of them has an entry."""

    def __init__(self, logged: Mapping[tuple[str, str], int]) -> None:
        """`logged`: the totals for which an earlier daemon wrote entries."""
        self._totals, self._logged = dict(logged), dict(logged)
        self._last_entry: dict[tuple[str, str], float] = {}

    def receive(self, stage: str, counters: Mapping[str, int]) -> None:
        """Take the totals from a heartbeat."""
        for key in LOSSES:
            if key[0] == stage and key[1] in counters:
                if counters[key[1]] < self._totals.get(key, 0):
                    self._logged[key] = 0  # a new process or new maps: it counts from 0 again
                self._totals[key] = counters[key[1]]

    def due(self, now: float) -> Iterator[Lost]:
        """The entries to write now; `now` is monotonic seconds, infinite at the end."""
        for key, total in self._totals.items():
            count = total - self._logged.get(key, 0)
            if count > 0 and now - self._last_entry.get(key, -math.inf) >= INTERVAL_SEC:
                self._logged[key], self._last_entry[key] = total, now
                yield Lost(lost=LOSSES[key], count=count)


class DaemonAudit:
    """Writes the supervisor's entries."""

    def __init__(self, audit_log: ForkedAudit) -> None:
        self.respawns: Counter[str] = Counter()
        """By stage, how often a worker was respawned."""
        self.last_end: dict[str, str] = {}
        """By stage, how the last worker that was respawned had ended, and when."""
        self._audit_log = audit_log
        self.write, self.use = audit_log.write, audit_log.use
        self._losses = Losses({})

    def start(self, config_file: Path | None, event_log: EventLog) -> None:
        """The daemon starts with this event log; losses counted there have entries already."""
        found = kernel_losses(event_log).items()
        self._losses = Losses({("collect", name): count for name, count in found})
        path = str(config_file.absolute()) if config_file else ""
        self.write(Started(version=__version__, config=path, pid=os.getpid()))

    def receive(self, health: Health) -> None:
        """Take the losses from a worker's heartbeat."""
        self._losses.receive(health.stage, health.counters)

    def tick(self, now: float) -> None:
        """Write the entries about losses that are due; `now` is monotonic seconds."""
        for lost in self._losses.due(now):
            self.write(lost)
        self._audit_log.tick()

    def respawned(self, stage: str, how: str, respawn_at: float) -> None:
        """A worker ended, and is respawned at that time (monotonic seconds)."""
        delay_sec = round(max(0.0, respawn_at - time.monotonic()), 3)
        self.respawns[stage] += 1
        self.last_end[stage] = f"{how}, {utc(time.time_ns())}"
        self.write(Respawned(stage=stage, how=how, delay_sec=delay_sec))

    def stop(self, reason: str, status: int) -> None:
        """The daemon stops."""
        self.tick(math.inf)
        self.write(Stopped(reason=reason, exit=status))
        self._audit_log.close(patience_sec=2.0)
