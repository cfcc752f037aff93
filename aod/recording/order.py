"""Records in order of time: as a ring has them, they come nearly so."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from aod.event import NO_EVENTS, Events, in_order, joined
from aod.recording.frames import RecordingError

SLACK_NS: Final = 100_000_000
"""Records that come this late are put where they belong; the others stay where they are."""


def in_order_of_time(batches: Iterable[Events]) -> Iterator[Events]:
    """The same records, sorted by `in_order`; the last `SLACK_NS` of them are held back till the
    next.

    Raises:
        RecordingError: as `batches` does; what came before has been given.
    """
    held = NO_EVENTS
    try:
        for batch in batches:
            held = in_order(joined(held, batch))
            latest_ns = int(held["end_ns"][-1]) if len(held) else 0
            ready = int(np.searchsorted(held["end_ns"], np.uint64(max(0, latest_ns - SLACK_NS))))
            if ready:
                yield held[:ready]
                held = joined(held[ready:])
    except RecordingError:
        if len(held):
            yield held
        raise
    if len(held):
        yield held


def is_in_order(batches: Iterable[Events]) -> bool:
    """Whether no record ended before the one before it."""
    last_ns = 0
    for batch in batches:
        times = batch["end_ns"]
        if len(times) and (int(times[0]) < last_ns or (times[1:] < times[:-1]).any()):
            return False
        last_ns = int(times[-1]) if len(times) else last_ns
    return True
