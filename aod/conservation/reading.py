"""A look at all counters of a running daemon, in the order that the sums need."""

import os
import time
from itertools import islice
from pathlib import Path
from typing import Any, Final

from aod._native import lib
from aod.conservation.sums import Anomalies, Commit, Kernel, Look
from aod.state import names, spool
from aod.state.ledger import SPOOLED, Kind, LedgerReader
from aod.transport.eventlog import EventLog
from aod.transport.position import read_evaluated

MOST_READS: Final = 16
"""Of a head that is being written; that takes microseconds, once a second."""


MAX_SPOOLED: Final = 4096
"""Capture refuses anomalies long before; a detect that was taken over may spool any number."""


class Looker:
    """Who looks, again and again."""

    def __init__(self, log: EventLog, runtime_dir: Path, state_dir: Path) -> None:
        self._log = log
        self._runtime_dir = runtime_dir
        self._spool = state_dir / spool.FOLDER
        self.ledger = LedgerReader(runtime_dir)

    def look(self) -> Look:
        """All counters.

        Raises:
            OSError: the spool cannot be read.
        """
        before = read_evaluated(self._runtime_dir)
        ring_id = int(self._log.header["ring_id"])
        commit = committed(self._log)
        after = read_evaluated(self._runtime_dir)
        kernel = _kernel(self._log)
        anomalies = self._anomalies()
        return Look(
            time.monotonic_ns(), before, ring_id, commit, self._log.capacity, after, kernel,
            anomalies,
        )  # fmt: skip

    def _anomalies(self) -> Anomalies | None:
        """The ledger, then the spool, then the ledger again: what left the spool meanwhile has an
        outcome there."""
        if not self.ledger.update():
            return None
        state = self.ledger.state
        waiting = {one for one in state.open if state.origins[one] in SPOOLED}
        spooled = _spooled(self._spool)
        if spooled is None or not self.ledger.update():
            return None
        state = self.ledger.state  # another one, where it was summed up meanwhile
        return Anomalies(
            entered=state.counts[Kind.SEEN] + state.counts[Kind.UNSPOOLED],
            unseen=len(spooled - state.origins.keys()),
            missing=sum(
                one in state.origins and one not in state.outcomes for one in waiting - spooled
            ),
        )


def _spooled(folder: Path) -> set[int] | None:
    """The timestamps in the spool; None where a flood would hold up who looks."""
    with os.scandir(folder) as entries:
        found = [entry.name for entry in islice(entries, MAX_SPOOLED + 1)]
    if len(found) > MAX_SPOOLED:
        return None
    stamps = map(names.spooled.timestamp, found)
    return {stamp for stamp in stamps if stamp is not None}


def committed(log: EventLog) -> Commit:
    """What a log has committed."""
    found = lib.aod_log_committed(log.c_header)
    return Commit(*(int(getattr(found, field)) for field in Commit._fields))


def _kernel(log: EventLog) -> Kernel | None:
    """The kernel's counters in the head of a log; None while they are being written, or where who
    wrote them was killed."""
    for _ in range(MOST_READS):
        before = int(log.header["stats_seq"])
        if before % 2 == 0:
            copy = log.header.copy()
            if int(log.header["stats_seq"]) == before:
                return _of_head(copy)
    return None


def _of_head(head: Any) -> Kernel:
    return Kernel(
        ring_id=int(head["stats_ring_id"]),
        stats_ns=int(head["stats_ns"]),
        scanned_ns=int(head["scanned_ns"]),
        max_inflight=int(head["max_inflight"]),
        produced_from=int(head["produced_from"]),
        produced_to=int(head["produced_to"]),
        stats=head["stats"],
        gave_up=head["gave_up"],
        uncertain=head["uncertain"],
        in_flight=head["in_flight_of"],
    )
