"""Print operations as they finish: what `aod-stage collect --print` does instead of collecting."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from aod.anomaly import Operation
from aod.attachments import describe_missing
from aod.config import Config
from aod.detectors.words import FINISHED, operations
from aod.event import Events
from aod.eventlog import EventLog
from aod.peer_names import Names
from aod.programs import TracerSetup, program
from aod.rules import kernel_knobs
from aod.stages.collect import give_up_ages_ns, tracer_setup
from aod.tracer import Tracer, remove

POLL_SEC: Final = 0.1
MAX_RECORDS: Final = 4096
HEADING: Final = (
    f"{'time':<15} {'command':<20} {'latency':>12} {'status':<32} {'task':<24} session/tree/mid"
)


def lines(events: Events, realtime_offset_ns: int) -> list[str]:
    """One line a record."""
    return [
        f"{_clock(one.end_ns + realtime_offset_ns)} {one.command:<20} "
        f"{one.latency_ns / 1e6:>9.3f} ms {_outcome(one):<32} "
        f"{f'{one.comm}[{one.pid}]':<24} {one.session_id:#x}/{one.tree_id}/{one.mid}"
        for one in operations(events, Names())
    ]


def _clock(epoch_ns: int) -> str:
    moment = datetime.fromtimestamp(epoch_ns / 1e9, tz=UTC)
    return f"{moment:%H:%M:%S.%f}"


def _outcome(operation: Operation) -> str:
    return operation.status if operation.state == FINISHED else operation.state


def print_events(config: Config, stopping: Callable[[], bool], write: Callable[[str], None]) -> int:
    """Trace on the side of a running daemon, with programs and a log of its own."""
    setup = tracer_setup(config)
    own = TracerSetup(setup.pin_dir.with_name(f"{setup.pin_dir.name}-print"), setup.ring_bytes,
                      setup.max_inflight)  # fmt: skip
    remove(own.pin_dir)
    tracer = Tracer.install(program(), own, kernel_knobs(config))
    try:
        with tempfile.TemporaryDirectory(prefix="aod-print-", dir="/dev/shm") as folder:
            _print_until(config, tracer, Path(folder), stopping, write)
    finally:
        tracer.close()
        remove(own.pin_dir)
    return 0


def _print_until(
    config: Config,
    tracer: Tracer,
    folder: Path,
    stopping: Callable[[], bool],
    write: Callable[[str], None],
) -> None:
    log = EventLog.create(folder, 1)
    tracer.adopt_log(log)
    ages = give_up_ages_ns(config)
    note = None
    write(HEADING)
    while not stopping():
        if note != (note := describe_missing(tracer.attach())) and note:
            write(f"# {note}")
        for text in _next(tracer, log, ages):
            write(text)
        time.sleep(POLL_SEC)


def _next(tracer: Tracer, log: EventLog, ages: list[int]) -> list[str]:
    limit = log.position + log.capacity
    drained = tracer.drain(log, limit, MAX_RECORDS)
    tracer.scan_in_flight(log, limit, time.monotonic_ns(), ages)
    found = log.view(drained.start, log.position - drained.start)
    rest = log.view(drained.start + len(found), log.position - drained.start - len(found))
    return lines(np.concatenate((found, rest)), log.realtime_offset_ns)
