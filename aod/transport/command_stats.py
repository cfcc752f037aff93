"""The kernel's counters of one command: their names, and the sums that must hold between them.

All is derived from the C struct (ebpf/shared.h, struct aod_command_stats), as the head of the event
log holds it for each command."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aod.event import struct_dtype

STATS_DTYPE: Final = struct_dtype("aod_command_stats")
STAT_NAMES: Final = tuple(STATS_DTYPE.names or ())
"""All fields, in the order of the struct."""
COUNTERS: Final = tuple(n for n in STAT_NAMES if n not in ("begun", "ended", "latency_slots"))
"""The fields that count something for a reader: numbers, none of them an array."""
DROPPED: Final = tuple(name for name in COUNTERS if name.startswith("dropped_"))
"""Operations that are missing in the event log."""

RECORDS_MADE: Final = ("finished", "unanswered_told")
RECORD_FATES: Final = ("emitted", "filtered", "dropped_ring_full", "dropped_simulated")
"""Records made = the sum of their fates."""
OPERATION_ENDS: Final = ("finished", "unanswered", "untimed", "dropped_inflight_full")
"""Operations started = the sum of these + given up by their age + in flight."""


def total(stats: NDArray[np.void], names: Sequence[str]) -> NDArray[np.uint64]:
    """The sum of these counters, in the shape of `stats` (dtype `STATS_DTYPE`)."""
    counted: NDArray[np.uint64] = np.sum([stats[name] for name in names], axis=0, dtype=np.uint64)
    return counted


def doubt(stats: NDArray[np.void]) -> NDArray[np.int64]:
    """How far each sum may be off: operations that were being counted when they were read."""
    return signed(stats["begun"] - stats["ended"])


def signed(difference: Any) -> NDArray[np.int64]:
    """A difference of two counters (u8), which wrap together."""
    as_signed: NDArray[np.int64] = np.ascontiguousarray(difference).view(np.int64)
    return as_signed
