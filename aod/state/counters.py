"""The recent past of the kernel's counters and histograms: a ring of snapshots by collect.

One small file in the runtime folder. Some slots hold the last seconds closely, the others the last
minutes coarsely. Each slot has a checksum, so that a reader skips one that is being written, or
whose writer died; a respawned collect continues after the newest."""

import os
import time
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aod.files import create_whole, open_trusted, read_regular
from aod.transport.eventlog import HEADER_DTYPE

NAME: Final = "counters.ring"
STEPS: Final = 12
"""Coarse snapshots within `history_sec`."""
CLOSE_SLOTS: Final = 16
FAR_SLOTS: Final = 2 * STEPS
_MAGIC: Final = b"AODCNT1\n"
_MAX_NS: Final = 1 << 63
SAME_CLOCK_NS: Final = 10 * 10**9
"""How far the offset of CLOCK_MONOTONIC to the time of day may move within one boot."""

_FIELDS: Final = ("ring_id", "in_flight", "gave_up", "stats")
"""Of the head of the event log; ring_id identifies the installation of the programs, and so the
counters."""
_TIMES: Final = [("taken_ns", "<u8"), ("realtime_ns", "<u8")]
SNAPSHOT_DTYPE: Final = np.dtype([*_TIMES, *((name, HEADER_DTYPE[name]) for name in _FIELDS)])
"""taken_ns is CLOCK_MONOTONIC, realtime_ns the same moment since the epoch."""

Snapshots = NDArray[np.void]
"""Shape (n,), dtype `SNAPSHOT_DTYPE`."""

_SLOT_DTYPE: Final = np.dtype([("crc32", "<u8"), ("snapshot", SNAPSHOT_DTYPE)])
_SLOTS: Final = CLOSE_SLOTS + FAR_SLOTS
_FILE_BYTES: Final = len(_MAGIC) + _SLOTS * _SLOT_DTYPE.itemsize


def snapshot(header: Any) -> NDArray[np.void]:
    """The counters in the head of an event log now; shape ()."""
    taken = np.zeros((), SNAPSHOT_DTYPE)
    taken["taken_ns"] = header["stats_ns"]
    taken["realtime_ns"] = int(header["stats_ns"]) + time.time_ns() - time.monotonic_ns()
    for field in _FIELDS:
        taken[field] = header[field]
    return taken


class CounterRing:
    """The writer's side, for one writer at a time. Raises OSError: (any method) the file cannot be
    written."""

    def __init__(self, runtime_dir: Path, history_sec: float) -> None:
        """Continue the ring of this folder; make a new one if there is none of this boot."""
        self._far_interval_ns = int(max(1.0, history_sec / STEPS) * 1e9)
        path, known = runtime_dir / NAME, _slots(runtime_dir)
        if known is None:
            path.unlink(missing_ok=True)
            self._fd = create_whole(path, _FILE_BYTES)
            os.pwrite(self._fd, _MAGIC, 0)
        else:
            self._fd = open_trusted(path, flags=os.O_WRONLY)
        self._taken = [0] * _SLOTS if known is None else known["taken_ns"].tolist()

    def add(self, header: Any) -> None:
        """Keep the counters in the head of an event log."""
        taken = snapshot(header)
        self._put(taken, range(CLOSE_SLOTS))
        newest_far = max(self._taken[CLOSE_SLOTS:])
        if int(taken["taken_ns"]) - newest_far >= self._far_interval_ns:
            self._put(taken, range(CLOSE_SLOTS, _SLOTS))

    def _put(self, taken: NDArray[np.void], among: range) -> None:
        """Overwrite the oldest of these slots."""
        oldest = min(among, key=self._taken.__getitem__)
        slot = np.array((zlib.crc32(taken.tobytes()), taken), _SLOT_DTYPE)
        os.pwrite(self._fd, slot.tobytes(), len(_MAGIC) + oldest * _SLOT_DTYPE.itemsize)
        self._taken[oldest] = int(taken["taken_ns"])

    def close(self) -> None:
        os.close(self._fd)


def is_of_this_boot(found: Snapshots, trigger_ns: int, timestamp_ns: int) -> bool:
    """Whether a moment of both clocks is one of the boot of these snapshots: one of them was taken
    while the clocks were as far apart. The clock may have been set between them."""
    offsets = found["realtime_ns"].astype(np.int64) - found["taken_ns"].astype(np.int64)
    return bool((np.abs(offsets + (trigger_ns - timestamp_ns)) <= SAME_CLOCK_NS).any())


def read(runtime_dir: Path) -> Snapshots:
    """The snapshots in a runtime folder, oldest first, each once. Raises OSError: there is no file,
    or it may not be read. Raises ValueError: it is no ring of this version."""
    slots = _parse(read_regular(runtime_dir / NAME, _FILE_BYTES))
    _, first = np.unique(slots["taken_ns"], return_index=True)
    found: Snapshots = slots[first]
    taken_ns, realtime_ns = found["taken_ns"], found["realtime_ns"]
    return found[(taken_ns > 0) & (taken_ns < _MAX_NS) & (realtime_ns < _MAX_NS)]


def _slots(runtime_dir: Path) -> Snapshots | None:
    """All slots of a predecessor's ring; None if there is none, or it is of another boot."""
    try:
        known = _parse(read_regular(runtime_dir / NAME, _FILE_BYTES))
    except (OSError, ValueError):
        return None
    newest = known[int(np.argmax(known["taken_ns"]))]
    offset_ns = int(newest["realtime_ns"]) - int(newest["taken_ns"])
    of_this_boot = abs(offset_ns - time.time_ns() + time.monotonic_ns()) <= SAME_CLOCK_NS
    return known if of_this_boot else None


def _parse(content: bytes) -> Snapshots:
    """All slots in the order of the file; zeros in place of one whose checksum is wrong."""
    if not content.startswith(_MAGIC) or len(content) != _FILE_BYTES:
        raise ValueError("not the counters of this version")
    slots = np.frombuffer(content, _SLOT_DTYPE, offset=len(_MAGIC))
    snapshots: Snapshots = slots["snapshot"].copy()
    for at, crc32 in enumerate(slots["crc32"]):
        if crc32 != zlib.crc32(snapshots[at].tobytes()):
            snapshots[at] = 0
    return snapshots
