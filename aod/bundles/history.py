"""A bundle's operations: the history before the trigger, and the evidence of the anomaly.

The history is cut from the event log; the evidence came with the anomaly. Mostly the one is a part
of the other, but the log may have been overwritten, or lost with a reboot, before the capture."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct

from aod.anomaly import Anomaly, Cause
from aod.bundles.manifest import Events as EventsInManifest
from aod.config.schema import Capture
from aod.detectors.api import nanoseconds
from aod.event import EVENT_DTYPE, NO_EVENTS, Events, in_order, joined
from aod.files import appearing
from aod.state import counters
from aod.state.counters import SAME_CLOCK_NS
from aod.transport.eventlog import EventLog
from aod.transport.position import EventLogError, read_evaluated

FILE: Final = "events.npy"
_LOSSES: Final = ("unanswered", "dropped_ring_full", "dropped_inflight_full", "dropped_simulated")
_PIECE: Final = 16_384
"""Records that are looked at together: several captures at once must not copy a whole log each."""


class Recorded(Struct, frozen=True):
    """What the event log knows about an anomaly."""

    events: Events
    """Around the trigger, sorted by end_ns."""
    losses: dict[str, int]
    """What was lost on the way so far, by reason."""
    note: str = ""
    """Why there are no events, if there should be."""
    position: int = 0
    """Up to which log position they were looked for."""


def recall(
    runtime_dir: Path, limits: Capture, anomaly: Anomaly, known: Recorded | None = None
) -> Recorded:
    """A copy of what the event log has around the trigger; with `known`, that and what is new.

    Of `limits`, `history_sec` and `post_sec` say how far it reaches."""
    try:
        log = EventLog.reader(runtime_dir)
    except (EventLogError, OSError) as error:
        return known or Recorded(NO_EVENTS, {}, f"no history: {error}")
    if anomaly.rule is not Cause.MANUAL and not _is_of_its_boot(log, runtime_dir, anomaly):
        note = "no history: the anomaly is of another boot, its times mean nothing to the log"
        return Recorded(NO_EVENTS, _losses(log, runtime_dir), note)
    position, start = log.position, known.position if known else log.oldest
    pieces = [known.events if known else NO_EVENTS]
    first_ns = np.uint64(max(0, anomaly.trigger_ns - nanoseconds(limits.history_sec * 1e3)))
    last_ns = np.uint64(anomaly.trigger_ns + nanoseconds(limits.post_sec * 1e3))
    for at in range(min(start, position), position, _PIECE):
        copy = log.copy(at, min(at + _PIECE, position))
        wanted = (copy["end_ns"] >= first_ns) & (copy["end_ns"] <= last_ns)
        if wanted.any():
            pieces.append(copy.compress(wanted))
    return Recorded(in_order(joined(*pieces)), _losses(log, runtime_dir), position=position)


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


def merged(history: Events, encoded: bytes) -> Events:
    """History and an anomaly's evidence (whole records), sorted by end_ns, each record once."""
    evidence = np.frombuffer(encoded, EVENT_DTYPE)
    evidence = evidence[np.argsort(evidence["end_ns"], kind="stable")]
    begins = np.searchsorted(history["end_ns"], evidence["end_ns"], "left")
    ends = np.searchsorted(history["end_ns"], evidence["end_ns"], "right")
    new: dict[bytes, int] = {}
    for record, begin, end in zip(evidence, begins, ends, strict=True):
        if not (history[begin:end] == record).any():
            new.setdefault(record.tobytes(), end)
    if not new:
        return history
    return np.insert(history, list(new.values()), np.frombuffer(b"".join(new), EVENT_DTYPE))


def saved(folder: Path) -> Events:
    """What `save` left in a folder; nothing, if it is none of ours."""
    with suppress(OSError, ValueError, EOFError):
        found: Events = np.load(folder / FILE, allow_pickle=False)
        if found.dtype == EVENT_DTYPE and found.ndim == 1:
            return found
    return NO_EVENTS


def save(folder: Path, events: Events, trigger_ns: int, note: str = "") -> EventsInManifest:
    """Write events.npy, or replace it; its entry in the manifest.

    Not synced: it goes into an archive that is. Raises OSError: it cannot be written."""
    with appearing(folder / FILE, folder / f".{FILE}.new", durable=False) as file:
        np.save(file, events, allow_pickle=False)
    return EventsInManifest(
        file=FILE,
        records=len(events),
        before_trigger=int(np.count_nonzero(events["end_ns"] < trigger_ns)),
        first_end_ns=int(events["end_ns"][0]) if len(events) else None,
        last_end_ns=int(events["end_ns"][-1]) if len(events) else None,
        trigger_ns=trigger_ns,
        note=note,
    )
