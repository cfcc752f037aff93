"""The order of records: by their end, and where that is the same, by what they are.

Records of several processors come nearly in order. One order for all makes what is declared
independent of how they came.
"""

from typing import Final

import numpy as np

from aod.event import Events

_TIES: Final = ("command", "mid", "session_id", "flags", "latency_ns", "end_ns")
"""The last one counts most (numpy.lexsort)."""


def in_order(events: Events) -> Events:
    """These records, (n,), sorted; themselves where they are in order."""
    times = events["end_ns"]
    if (times[1:] > times[:-1]).all():
        return events
    by_time = np.argsort(times, kind="stable")
    ordered = times[by_time]
    if (ordered[1:] > ordered[:-1]).all():
        return events.take(by_time)
    return events.take(np.lexsort([events[field] for field in _TIES]))
