"""A bundle's operations: the history before the trigger, and the evidence of the anomaly.

The history is cut from the event log; the evidence came with the anomaly. Mostly the one is a part
of the other, but the log may have been overwritten, or lost with a reboot, before the capture.
"""

from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct

from aod.anomaly import Anomaly, Rule
from aod.event import EVENT_DTYPE, Events
from aod.eventlog import EventLog, EventLogError
from aod.files import create
from aod.manifest import Events as EventsInManifest

FILE: Final = "events.npy"
_SAME_CLOCK_NS: Final = 10 * 10**9
_LOSSES: Final = ("unanswered", "dropped_ring_full", "dropped_inflight_full")
_NONE: Final[Events] = np.empty(0, EVENT_DTYPE)


class Recorded(Struct, frozen=True):
    """What the event log knows about an anomaly."""

    events: Events
    """From some time before the trigger on, sorted by end_ns."""
    losses: dict[str, int]
    """What was lost on the way so far, by reason."""
    note: str = ""
    """Why there are no events, if there should be."""


def recall(runtime_dir: Path, history_ns: int, anomaly: Anomaly) -> Recorded:
    """What the event log still has, from `history_ns` before the trigger to now (a copy)."""
    try:
        log = EventLog.reader(runtime_dir)
    except (EventLogError, OSError) as error:
        return Recorded(_NONE, {}, f"no history: {error}")
    off_by_ns = log.realtime_offset_ns + anomaly.trigger_ns - anomaly.timestamp
    if anomaly.rule is not Rule.MANUAL and abs(off_by_ns) > _SAME_CLOCK_NS:
        note = "no history: the anomaly is of another boot, its times mean nothing to the log"
        return Recorded(_NONE, _losses(log), note)
    events = log.history(max(0, anomaly.trigger_ns - history_ns))
    return Recorded(events, _losses(log))


def _losses(log: EventLog) -> dict[str, int]:
    stats = log.header["stats"]
    counted = {reason: int(stats[reason].sum()) for reason in _LOSSES}
    return counted | {"gave_up": int(log.header["gave_up"].sum())}


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


def save(folder: Path, events: Events, trigger_ns: int, note: str = "") -> EventsInManifest:
    """Write events.npy; what the manifest says about it.

    Raises:
        OSError: it cannot be written.
    """
    with create(folder / FILE) as file:
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
