"""Prints a status in Prometheus' text exposition format."""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from aod.status.model import Status, unhealthy
from aod.transport.eventlog import DROPPED

_Samples: TypeAlias = Iterable[tuple[dict[str, str], float]]
_Metric: TypeAlias = tuple[str, str, _Samples | float]
"""Name, help, and its samples with their labels, or the only one."""
_PER_COMMAND: Final = (
    ("started", "Operations that the client sent."),
    ("finished", "Operations that were answered."),
    ("unanswered", "Unanswered operations, as the client or its thread showed."),
    ("gave_up", "Unanswered operations, by their age."),
    ("orphaned", "Ends without a start."),
    ("emitted", "Records that the kernel wrote."),
    ("filtered", "Operations without a record, as `recorder: matching` asks."),
)


def render(status: Status) -> str:
    """The text, with a line end."""
    parts = (_operations, _anomalies, _state)
    lines = (line for part in parts for metric in part(status) for line in _lines(*metric))
    return "".join(f"{line}\n" for line in lines)


def _lines(name: str, about: str, samples: _Samples | float) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}"
    for labels, value in [({}, samples)] if isinstance(samples, float | int) else samples:
        shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{shown}}} {value}" if shown else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _operations(status: Status) -> Iterator[_Metric]:
    commands = status.commands.items()
    for field, about in _PER_COMMAND:
        samples = [({"command": name}, getattr(one, field)) for name, one in commands]
        yield f"aod_operations_{field}_total", about, samples
    dropped = [
        ({"command": name, "reason": field.removeprefix("dropped_")}, getattr(one, field))
        for name, one in commands
        for field in DROPPED
    ]
    yield "aod_operations_dropped_total", "Operations without a record, by reason.", dropped
    yield "aod_operations_in_flight", "Operations in flight.", status.in_flight
    about = "Events for which the kernel did not run the programs."
    yield "aod_events_missed_total", about, status.missed
    yield "aod_records_total", "Records ever written to the event log.", status.records
    yield "aod_records_read_total", "Records that detect has evaluated or skipped.", status.read
    about = "Records that were overwritten before detect read them."
    yield "aod_records_skipped_total", about, status.skipped


def _anomalies(status: Status) -> Iterator[_Metric]:
    yield "aod_anomalies_declared_total", "Anomalies.", status.declared
    about = "Anomalies that detect declared and did not pass on: too many waited."
    yield "aod_anomalies_refused_by_detect_total", about, status.refused_by_detect
    outcomes = [({"kind": kind}, count) for kind, count in status.outcomes.items()]
    about = "Anomalies that capture knows, by where they came from and by outcome."
    yield "aod_anomalies_total", about, outcomes
    yield "aod_anomalies_open", "Anomalies without an outcome yet.", status.open
    if (output := status.output) is not None:
        yield "aod_bundles", "Bundles in the output folder.", output.bundles
        yield "aod_bundles_bytes", "Their size.", output.bytes
        yield "aod_output_free_bytes", "Free space there.", output.free_bytes


def _state(status: Status) -> Iterator[_Metric]:
    workers = status.daemon.workers
    up = [({"stage": one.stage}, int(one.state == "running")) for one in workers]
    yield "aod_worker_up", "Whether a worker runs.", up
    restarts = [({"stage": one.stage}, one.restarts) for one in workers]
    yield "aod_worker_restarts_total", "Respawns since the daemon started.", restarts
    about = "Files of /proc/fs/cifs that were not read: an earlier reader had not ended."
    yield "aod_client_files_not_read_total", about, status.not_read
    hangs = int(bool(status.hanging_reader))
    yield "aod_client_reader_hangs", "1 while a reader of /proc/fs/cifs hangs.", hangs
    off = [({"sum": one.sum, "command": one.command}, one.by) for one in status.violations]
    yield "aod_conservation_off_by", "Sums that do not hold.", off
    healthy = int(not unhealthy(status, time.monotonic_ns()))
    yield "aod_healthy", "1 when the exit code of `aod status` is 0.", healthy
