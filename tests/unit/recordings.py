"""Recordings for the tests of what reads them."""

from pathlib import Path
from typing import Any

import numpy as np

from aod.event import EVENT_DTYPE, Events
from aod.recording.format import Head, Mark, layout
from aod.recording.writer import Writer
from aod.smb.peers import Names

OFFSET_NS = 1_700_000_000 * 10**9
SECOND = 10**9
CONFIG = "guardian: {anomalies: {slow: {type: Latency, acceptable_count: 2}}}\n"
NAMES = Names(shares={(1, 5): r"\\server\share"}, servers={3: "server"})


def head(**changes: Any) -> Head:
    fields: dict[str, Any] = {
        "program": "aodv2 0.1.0",
        "layout": layout(),
        "start_ns": SECOND,
        "realtime_offset_ns": OFFSET_NS,
        "host": "client",
        "kernel": "6.1.0",
        "config_file": "/etc/aod/aod.yaml",
        "config": CONFIG,
    }
    return Head(**(fields | changes))


def batch(first: int, count: int) -> Events:
    """Records a microsecond apart, from the start of the recording on; numbered by their mids."""
    made = np.zeros(count, EVENT_DTYPE)
    made["mid"] = np.arange(first, first + count)
    made["end_ns"] = SECOND + 1000 * made["mid"]
    made["comm"] = b"cp"
    return made


def write(
    path: Path, *batches: Events, ended: bool = True, end_ns: int = 3 * SECOND, **changes: Any
) -> Path:
    """A recording of these batches, each a frame of its own."""
    writer = Writer.create(path, head(**changes))
    writer.mark(Mark(now_ns=SECOND))
    writer.add_names(NAMES)
    for events in batches:
        writer.add(events)
        writer.flush()
    if ended:
        counters = {"SMB2_WRITE": {"finished": writer.records, "dropped_ring_full": 3}}
        writer.mark(Mark(now_ns=end_ns, records=writer.records, counters=counters, ended=True))
    writer.close()
    return path
