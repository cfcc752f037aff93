"""Reads all counters of a running daemon, in the order that the sums need."""

import os
import time
from itertools import islice
from pathlib import Path
from typing import Final

from aod._native import lib
from aod.conservation.sums import Anomalies, Commit, Kernel, Reading
from aod.state import names, spool
from aod.state.ledger import SPOOLED, Kind, LedgerReader
from aod.transport.eventlog import EventLog
from aod.transport.position import read_evaluated

MOST_READS: Final = 16
"""Of a head that is being written; that takes microseconds, once a second."""
MAX_SPOOLED: Final = 4096
"""Capture refuses anomalies long before; a detect that was taken over may spool any number."""
_IN_HEAD: Final = {"ring_id": "stats_ring_id", "in_flight": "in_flight_of"}
"""By field of `Kernel` whose name differs: its name in the head of the event log."""


class Reader:
    """Reads the counters, again and again."""

    def __init__(self, event_log: EventLog, runtime_dir: Path, state_dir: Path) -> None:
        self._event_log = event_log
        self._runtime_dir = runtime_dir
        self._spool = state_dir / spool.FOLDER
        self._ledger = LedgerReader(runtime_dir)

    def read(self) -> Reading:
        """All counters. Raises OSError: the spool cannot be read."""
        before = read_evaluated(self._runtime_dir)
        ring_id = int(self._event_log.header["ring_id"])
        found = lib.aod_log_committed(self._event_log.c_header)
        commit = Commit(*(int(getattr(found, field)) for field in Commit._fields))
        after = read_evaluated(self._runtime_dir)
        kernel, anomalies = _kernel(self._event_log), self._anomalies()
        capacity, now_ns = self._event_log.capacity, time.monotonic_ns()
        return Reading(now_ns, before, ring_id, commit, capacity, after, kernel, anomalies)

    def _anomalies(self) -> Anomalies | None:
        """The ledger, then the spool, then the ledger again: what left the spool in between has an
        outcome there."""
        if not self._ledger.update():
            return None
        state = self._ledger.state
        waiting = {one for one in state.open if state.origins[one] in SPOOLED}
        with os.scandir(self._spool) as entries:
            found = [entry.name for entry in islice(entries, MAX_SPOOLED + 1)]
        if len(found) > MAX_SPOOLED or not self._ledger.update():
            return None
        stamps = map(names.spooled.timestamp, found)
        spooled = {stamp for stamp in stamps if stamp is not None}
        state = self._ledger.state  # another object, if the ledger was compacted in between
        gone = [one for one in waiting - spooled if one in state.origins]
        return Anomalies(
            entered=state.counts[Kind.SEEN] + state.counts[Kind.UNSPOOLED],
            unseen=len(spooled - state.origins.keys()),
            missing=sum(one not in state.outcomes for one in gone),
        )


def _kernel(event_log: EventLog) -> Kernel | None:
    """The kernel's counters in the head; None while they are being written, or where their writer
    was killed meanwhile."""
    header = event_log.header
    for _ in range(MOST_READS):
        before = int(header["stats_seq"])
        copy = header.copy()
        if before % 2 == 0 and int(header["stats_seq"]) == before:
            values = (copy[_IN_HEAD.get(name, name)] for name in Kernel._fields)
            return Kernel._make(one if one.shape else one.item() for one in values)
    return None
