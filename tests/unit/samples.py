"""Samples shared by the tests of what happens after a declaration."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from aod._native import ffi, lib
from aod.actions.job import Children, Job
from aod.anomaly import Anomaly, AnomalyType, Cause, Operation
from aod.bundles.filling import Surroundings
from aod.config.schema import Capture, Config, Guardian
from aod.detectors.describe import broken_down
from aod.detectors.latency import Latency
from aod.event import EVENT_DTYPE, Events
from aod.host.clock import ClockWatch
from aod.settings import ActionName
from aod.transport.eventlog import EventLog

T = TypeVar("T")
CONFIG = Config(
    guardian=Guardian(anomalies={"latency": Latency(actions=tuple(ActionName))}),
    capture=Capture(action_timeout_sec=30, max_file_mb=1, post_sec=0),
    runtime_dir=Path("/nowhere/run"),
    pin_dir=Path("/nowhere/bpf"),
)
"""What is collected is limited by the rows; there is no daemon, and no recorder."""
TIMESTAMP = 1_700_000_000_123_456_789
_ANOMALY = Anomaly(
    anomaly=AnomalyType.LATENCY,
    timestamp=TIMESTAMP,
    name="latency",
    rule=Cause.COUNT,
    trigger_ns=5_000_000_000,
    window_ns=1_000_000_000,
    count=11,
    acceptable_count=10,
    suppressed=0,
    reason="11 operations slower than their threshold within 1 s",
    actions=(),
    worst=(),
    breakdown=broken_down(()),
)
_OPERATION = Operation(
    command="SMB2_READ",
    latency_ns=2_000_000_000,
    end_ns=5,
    session_id=1,
    tree_id=2,
    mid=3,
    pid=4,
    comm="cp",
    status="STATUS_SUCCESS",
    error="",
    state="finished",
    share="",
)


def anomaly(**changes: Any) -> Anomaly:
    """An anomaly, changed where a test says so."""
    return msgspec.structs.replace(_ANOMALY, **changes)


def operation(**changes: Any) -> Operation:
    """An operation in words, changed where a test says so."""
    return msgspec.structs.replace(_OPERATION, **changes)


def records(*end_ns: int, **fields: Any) -> Events:
    """Records that ended at these times; other fields are the same in all."""
    made = np.zeros(len(end_ns), EVENT_DTYPE)
    made["end_ns"] = end_ns
    for field, value in fields.items():
        made[field] = value
    return made


def event_log(folder: Path, events: Events, trigger_ns: int = _ANOMALY.trigger_ns) -> EventLog:
    """A log that holds these records, by whose clock `TIMESTAMP` was at `trigger_ns`."""
    log = EventLog.create(folder, 1)
    log.header["realtime_offset_ns"] = TIMESTAMP - trigger_ns
    c_events = ffi.from_buffer("struct aod_event[]", events.tobytes())
    lib.aod_log_append(log.c_header, 1 << 60, c_events, len(events))
    return log


def with_job(work: Callable[[Job], Awaitable[T]], config: Config = CONFIG) -> T:
    """Run what needs a job, in an event loop; nobody is told of its children."""

    async def run() -> T:
        return await work(Job(config, Children(lambda _: None)))

    return asyncio.run(run())


def surroundings(**changes: Any) -> Surroundings:
    """Of a process that knows nothing."""
    nothing = Surroundings(
        begun=lambda _: None,
        related=lambda _: (),
        losses=dict,
        room=nullcontext,
        redacting=asyncio.Lock(),
        clock=ClockWatch(),
    )
    return msgspec.structs.replace(nothing, **changes)
