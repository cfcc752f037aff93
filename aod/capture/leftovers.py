"""What a dead capture left in the output folder: to be finished, to be sealed, or of no use."""

import logging
from contextlib import suppress
from pathlib import Path

from aod.bundles import bundle, workfolder
from aod.bundles.workfolder import BusyError
from aod.capture.backlog import Backlog
from aod.state import names


class Leftovers:
    """Looked for once, when capture starts.

    One whose anomaly waits in the spool is gone on with; one without it (its anomaly came by a
    message only, or a person asked for it) is sealed as it is.
    """

    def __init__(self, output_dir: Path, backlog: Backlog, log: logging.Logger) -> None:
        self._output_dir = output_dir
        self._backlog = backlog
        self._log = log
        self._orphans: set[int] = set()

    def is_orphan(self, timestamp: int) -> bool:
        """Whether nothing more is to be collected for it."""
        return timestamp in self._orphans

    def find(self) -> list[tuple[int, str]]:
        """Clear up; which bundles were interrupted, and what becomes of each."""
        found = []
        with suppress(OSError):  # no output folder: capture says so
            for timestamp in workfolder.leftovers(self._output_dir):
                with suppress(BusyError, OSError):
                    found.append((timestamp, self._judge(timestamp)))
        return [(timestamp, why) for timestamp, why in found if why]

    def _judge(self, timestamp: int) -> str:
        if not (self._output_dir / names.folder(timestamp)).exists():
            workfolder.discard(self._output_dir, timestamp)
            return ""
        if workfolder.is_busy(self._output_dir, timestamp):
            return ""
        if (self._output_dir / names.archive(timestamp)).exists():
            workfolder.discard(self._output_dir, timestamp)
            return "its maker died when it was sealed"
        return self._adopted(timestamp)

    def _adopted(self, timestamp: int) -> str:
        if timestamp in self._backlog:
            return "its maker died; gone on with what is there"
        anomaly = bundle.begun(self._output_dir, timestamp)
        if anomaly is None:
            workfolder.discard(self._output_dir, timestamp)
            self._log.info("removed the unfinished bundle %d: nothing is in it", timestamp)
            return "its maker died; nothing of use was in it"
        self._orphans.add(timestamp)
        self._backlog.adopt(anomaly)
        self._log.warning("the unfinished bundle %d is sealed with what it has", timestamp)
        return "its maker died; sealed with what is there"
