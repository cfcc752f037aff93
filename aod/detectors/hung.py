"""Operations that were declared while they hung: each counts once, and its end is reported."""

from collections.abc import Mapping
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aod.event import IN_FLIGHT, NO_EVENTS, Events
from aod.kernel.thresholds import Mask

MAX_HUNG: Final = 4096
MAX_ENDED: Final = 64
"""Ends that are kept for the next declaration; the last ones."""

Operation: TypeAlias = tuple[int, int, int]
"""(session id, mid, start in ns): of a hanging operation and of its end alike."""
Hung: TypeAlias = Mapping[Operation, int]
"""The operations that hang -> when that was reported, in ns; oldest report first."""


class Ends(NamedTuple):
    """Ends of operations that had been reported as hanging, in order."""

    records: Events
    reported_ns: tuple[int, ...] = ()
    """Of each of them, when it was reported."""


def settle(hung: Hung, new: Events, urgent: Mask) -> tuple[Hung, Mask, Ends]:
    """Which operations hang after these records; which of the records count, (n,): not another
    report of an operation, nor its end; and those ends.

    Args:
        new: (n,), in order of time, all of them matches.
        urgent: (n,): which of them are emergencies; no other is reported as hanging."""
    counts = np.ones(len(new), np.bool_)
    in_flight = (new["flags"] & IN_FLIGHT) != 0
    starts: NDArray[np.uint64] = new["end_ns"] - new["latency_ns"]
    known = np.array([start for _, _, start in hung], np.uint64)
    known = np.concatenate((known, starts[in_flight & urgent]))
    if not known.size:
        return hung, counts, Ends(NO_EVENTS)
    now_hung, ended = dict(hung), {}
    for index in np.flatnonzero(urgent & np.isin(starts, known)):  # few in any storm
        event = new[index]
        operation = int(event["session_id"]), int(event["mid"]), int(starts[index])
        counts[index] = operation not in now_hung
        if in_flight[index]:
            now_hung.setdefault(operation, int(event["end_ns"]))
        elif operation in now_hung:
            ended[index] = now_hung.pop(operation)
    surplus = max(0, len(now_hung) - MAX_HUNG)
    now_hung = dict(islice(now_hung.items(), surplus, None))
    return now_hung, counts, Ends(new[list(ended)], tuple(ended.values()))
