"""Unfinished bundles of a dead capture: to be continued, to be sealed, or of no use."""

import logging
from contextlib import suppress
from pathlib import Path

from aod.bundles import bundle, workfolder
from aod.bundles.workfolder import BusyError
from aod.capture.backlog import Backlog
from aod.state import names


def take_over(output_dir: Path, backlog: Backlog, logger: logging.Logger) -> list[tuple[int, str]]:
    """Clear up when capture starts; which bundles were interrupted, and what becomes of each.

    One whose anomaly waits in the spool is continued; one without it (its anomaly came by a message
    only, or a person asked for it) is adopted: sealed as it is."""
    found = []
    with suppress(OSError):  # no output folder: capture reports that
        for timestamp in workfolder.leftovers(output_dir):
            with suppress(BusyError, OSError):
                if why := _judge(output_dir, timestamp, backlog, logger):
                    found.append((timestamp, why))
    return found


def _judge(output_dir: Path, timestamp: int, backlog: Backlog, logger: logging.Logger) -> str:
    if not (output_dir / names.folder(timestamp)).exists():
        workfolder.discard(output_dir, timestamp)
        return ""
    if workfolder.is_busy(output_dir, timestamp):
        return ""
    if (output_dir / names.archive(timestamp)).exists():
        workfolder.discard(output_dir, timestamp)
        return "capture died after it was sealed"
    if timestamp in backlog:
        return "capture died; continued"
    anomaly = bundle.begun(output_dir, timestamp)
    if anomaly is None:
        workfolder.discard(output_dir, timestamp)
        logger.info("removed the unfinished bundle %d: nothing is in it", timestamp)
        return "capture died; it held nothing of use"
    backlog.adopt(anomaly)
    logger.warning("the unfinished bundle %d is sealed with what it has", timestamp)
    return "capture died; sealed with what it has"
