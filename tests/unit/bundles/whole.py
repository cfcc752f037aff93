"""How the operations of a bundle come to be with all of them in memory: what the files must be."""

import io

import numpy as np

from aod.event import EVENT_DTYPE, Events, in_order, joined


def added(history: Events, *pieces: Events) -> Events:
    """The history with these records of the log."""
    return in_order(joined(history, *pieces))


def with_evidence(history: Events, encoded: bytes) -> Events:
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


def saved(events: Events) -> bytes:
    """The file."""
    file = io.BytesIO()
    np.save(file, events, allow_pickle=False)
    return file.getvalue()
