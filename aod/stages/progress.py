"""How far detect has read the event log, and the totals that are published with it."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aod.event import Events
from aod.transport.eventlog import EventLog
from aod.transport.position import Evaluated, ReadPosition

MAX_BATCH: Final = 16384
"""Records evaluated at once: a backlog costs time, not memory."""


class Progress:
    """Where detect stands in the event log.

    Attributes:
        at: everything before it was evaluated or skipped."""

    def __init__(self, runtime_dir: Path, event_log: EventLog, logger: logging.Logger) -> None:
        """Continue where the last detect stopped, within what the log still holds."""
        self.event_log = event_log
        self.position = ReadPosition.open(runtime_dir, event_log.position)
        before = self.position.get()
        self.at = min(max(before.position, event_log.oldest), event_log.position)
        if jumped := max(0, self.at - before.position):
            logger.error("%d records were overwritten before detect read them", jumped)
        self._before = before._replace(skipped=before.skipped + jumped)
        self.commit(self.at)

    def commit(self, at: int, *, declared: int = 0, unspooled: int = 0, refused: int = 0) -> None:
        """Publish the position, with the totals of this process so far."""
        self.at = at
        before = self._before
        self.position.commit(
            Evaluated(
                position=at,
                skipped=before.skipped,
                declared=before.declared + declared,
                unspooled=before.unspooled + unspooled,
                refused=before.refused + refused,
            )
        )

    def history(self) -> Iterator[Events]:
        """Copies of what was read before, as far as the log still holds it, in batches."""
        start = self.event_log.oldest
        while start < self.at:
            end = self.event_log.piece_end(start, self.at, MAX_BATCH)
            yield self.event_log.copy(start, end)
            start = end

    def unread(self) -> Iterator[tuple[int, Events]]:
        """What is new in the log, in batches; each with the position to commit after it."""
        new = self.event_log.position
        while self.at < new:
            end = self.event_log.piece_end(self.at, new, MAX_BATCH)
            yield end, self.event_log.span(self.at, end)
