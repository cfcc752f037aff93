"""What the event log has around a trigger, and what was lost on the way into it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct

from aod.anomaly import Anomaly, Cause
from aod.bundles.sorting import PIECE
from aod.config.schema import Capture
from aod.detectors.api import nanoseconds
from aod.event import Events
from aod.state import counters
from aod.state.counters import SAME_CLOCK_NS
from aod.transport.eventlog import EventLog
from aod.transport.position import EventLogError, read_evaluated

_LOSSES: Final = ("unanswered", "dropped_ring_full", "dropped_inflight_full", "dropped_simulated")


class Recorded(Struct, frozen=True):
    """What the event log knows about an anomaly."""

    pieces: Iterable[Events]
    """The records around the trigger, as they lie in the log. They can be had once: they are copied
    as they are asked for."""
    losses: dict[str, int]
    """What was lost on the way so far, by reason."""
    note: str = ""
    """Why there are no records, if there should be."""
    position: int = 0
    """Up to which log position they were looked for."""


def recall(
    runtime_dir: Path, limits: Capture, anomaly: Anomaly, known: Recorded | None = None
) -> Recorded:
    """What the event log has around the trigger; with `known`, whose pieces were asked for, what
    it has beyond that.

    Of `limits`, `history_sec` and `post_sec` say how far it reaches."""
    try:
        log = EventLog.reader(runtime_dir)
    except (EventLogError, OSError) as error:
        return known or Recorded((), {}, f"no history: {error}")
    if anomaly.rule is not Cause.MANUAL and not _is_of_its_boot(log, runtime_dir, anomaly):
        note = "no history: the anomaly is of another boot, its times mean nothing to the log"
        return known or Recorded((), _losses(log, runtime_dir), note)
    position, start = log.position, known.position if known else log.oldest
    pieces = _around(log, min(start, position), position, limits, anomaly.trigger_ns)
    return Recorded(pieces, _losses(log, runtime_dir), position=position)


def _around(
    log: EventLog, start: int, end: int, limits: Capture, trigger_ns: int
) -> Iterator[Events]:
    """Copies of the records [start, end) that ended in time."""
    first_ns = np.uint64(max(0, trigger_ns - nanoseconds(limits.history_sec * 1e3)))
    last_ns = np.uint64(trigger_ns + nanoseconds(limits.post_sec * 1e3))
    for at in range(start, end, PIECE):
        copy = log.copy(at, min(at + PIECE, end))
        wanted = (copy["end_ns"] >= first_ns) & (copy["end_ns"] <= last_ns)
        yield copy.compress(wanted)


def _is_of_its_boot(log: EventLog, runtime_dir: Path, anomaly: Anomaly) -> bool:
    """Whether the anomaly's clocks are those of the log now, or were before the clock was set."""
    off_by_ns = log.realtime_offset_ns + anomaly.trigger_ns - anomaly.timestamp
    if abs(off_by_ns) <= SAME_CLOCK_NS:
        return True
    with suppress(OSError, ValueError):
        found = counters.read(runtime_dir)
        return counters.is_of_this_boot(found, anomaly.trigger_ns, anomaly.timestamp)
    return False


def _losses(log: EventLog, runtime_dir: Path) -> dict[str, int]:
    evaluated = read_evaluated(runtime_dir)
    return {reason: int(log.header["stats"][reason].sum()) for reason in _LOSSES} | {
        "gave_up": int(log.header["gave_up"].sum()),
        "missed": int(log.header["missed"]),
        "skipped": evaluated.skipped,
        "refused_by_detect": evaluated.refused,
    }
