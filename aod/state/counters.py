"""The kernel's counters and histograms as they were: a ring of snapshots that collect leaves.

One small file in the runtime folder. Some slots hold the last seconds closely, the others the last
minutes coarsely. A slot is written whole and has a checksum, so a reader passes over one that is
being written, or whose writer died; a respawned collect goes on after the newest.
"""

import os
import time
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aod.event import COMMANDS
from aod.files import create_fd, open_trusted, read_regular
from aod.transport.eventlog import HEADER_DTYPE

NAME: Final = "counters.ring"
STEPS: Final = 12
"""The history is looked at this often within `history_sec`."""
CLOSE_SLOTS: Final = 16
FAR_SLOTS: Final = 2 * STEPS
_MAGIC: Final = b"AODCNT1\n"
_STATS: Final = HEADER_DTYPE["stats"]
COUNTER_NAMES: Final = tuple(_STATS.base.names or ())
_MAX_NS: Final = 1 << 63
SAME_CLOCK_NS: Final = 10 * 10**9
"""CLOCK_MONOTONIC begins anew with a boot: its distance to the time of day is another then."""

SNAPSHOT_DTYPE: Final = np.dtype(
    [
        ("taken_ns", "<u8"),
        ("realtime_ns", "<u8"),
        ("ring_id", "<u8"),
        ("in_flight", "<u8"),
        ("gave_up", "<u8", (COMMANDS,)),
        ("stats", _STATS.base, _STATS.shape),
    ]
)
"""taken_ns is CLOCK_MONOTONIC, realtime_ns the same moment since the epoch; ring_id tells one
installation of the programs, and so of the counters, from the next."""

Snapshots = NDArray[np.void]
"""Shape (n,), dtype `SNAPSHOT_DTYPE`."""

_SLOT_BYTES: Final = 8 + SNAPSHOT_DTYPE.itemsize
_FILE_BYTES: Final = len(_MAGIC) + (CLOSE_SLOTS + FAR_SLOTS) * _SLOT_BYTES


def snapshot(header: Any) -> NDArray[np.void]:
    """What the head of an event log says now; shape ()."""
    taken = np.zeros((), SNAPSHOT_DTYPE)
    taken["taken_ns"] = header["stats_ns"]
    taken["realtime_ns"] = int(header["stats_ns"]) + time.time_ns() - time.monotonic_ns()
    for field in ("ring_id", "in_flight", "gave_up", "stats"):
        taken[field] = header[field]
    return taken


class CounterRing:
    """The writer's side; one writer at a time.

    Raises:
        OSError: from any method; the file cannot be written.
    """

    def __init__(self, runtime_dir: Path, history_sec: float) -> None:
        """Goes on with the ring of this folder; makes a new one where there is none."""
        self._far_interval_ns = int(max(1.0, history_sec / STEPS) * 1e9)
        known = _slots(runtime_dir)
        self._fd = _open(runtime_dir / NAME, new=known is None)
        slots = CLOSE_SLOTS + FAR_SLOTS
        self._taken = [0] * slots if known is None else known["taken_ns"].tolist()

    def add(self, header: Any) -> None:
        """Keep what the head of the event log says now."""
        taken = snapshot(header)
        self._put(taken, range(CLOSE_SLOTS))
        far = range(CLOSE_SLOTS, len(self._taken))
        if int(taken["taken_ns"]) - max(self._taken[slot] for slot in far) >= self._far_interval_ns:
            self._put(taken, far)

    def _put(self, taken: NDArray[np.void], among: range) -> None:
        """Into the slot of the oldest of them."""
        oldest = min(among, key=self._taken.__getitem__)
        content = taken.tobytes()
        packed = zlib.crc32(content).to_bytes(8, "little") + content
        os.pwrite(self._fd, packed, len(_MAGIC) + oldest * _SLOT_BYTES)
        self._taken[oldest] = int(taken["taken_ns"])

    def close(self) -> None:
        os.close(self._fd)


def read(runtime_dir: Path) -> Snapshots:
    """The snapshots in a runtime folder, oldest first, each once.

    Raises:
        OSError: there is no file, or it may not be read.
        ValueError: it is not ours.
    """
    slots = _parse(read_regular(runtime_dir / NAME, _FILE_BYTES))
    _, first = np.unique(slots["taken_ns"], return_index=True)
    found: Snapshots = slots[first]
    return found[
        (found["taken_ns"] > 0) & (found["taken_ns"] < _MAX_NS) & (found["realtime_ns"] < _MAX_NS)
    ]


def _open(path: Path, *, new: bool) -> int:
    if new:
        path.unlink(missing_ok=True)
        fd = create_fd(path)
        os.pwrite(fd, _MAGIC, 0)
        os.posix_fallocate(fd, 0, _FILE_BYTES)  # with holes, a full disk would end collect later
        return fd
    return open_trusted(path, flags=os.O_WRONLY)


def _slots(runtime_dir: Path) -> Snapshots | None:
    """What a predecessor of this boot has left: the times of another one mean nothing to ours."""
    try:
        known = _parse(read_regular(runtime_dir / NAME, _FILE_BYTES))
    except (OSError, ValueError):
        return None
    newest = known[int(np.argmax(known["taken_ns"]))]
    offset_ns = int(newest["realtime_ns"]) - int(newest["taken_ns"])
    of_this_boot = abs(offset_ns - time.time_ns() + time.monotonic_ns()) <= SAME_CLOCK_NS
    return known if of_this_boot else None


def _parse(content: bytes) -> Snapshots:
    """All slots in their order; one that is not whole is all zeros."""
    if not content.startswith(_MAGIC) or len(content) != _FILE_BYTES:
        raise ValueError("not the counters of this version")
    starts = range(len(_MAGIC), _FILE_BYTES, _SLOT_BYTES)
    whole = [_whole(content[start : start + _SLOT_BYTES]) for start in starts]
    return np.frombuffer(b"".join(whole), SNAPSHOT_DTYPE)


def _whole(slot: bytes) -> bytes:
    content = slot[8:]
    if int.from_bytes(slot[:8], "little") == zlib.crc32(content):
        return content
    return bytes(len(content))
