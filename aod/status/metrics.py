"""Prints a status in Prometheus' text exposition format."""

import time
from collections.abc import Iterable, Iterator

from aod.status.health import unhealthy
from aod.status.model import Status
from aod.transport.command_stats import DROPPED

_OF_COMMANDS = (
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
    parts = (_operations, _records, _anomalies, _bundles, _state)
    return "\n".join([*(line for part in parts for line in part(status)), ""])


def _metric(
    name: str, kind: str, about: str, samples: Iterable[tuple[dict[str, str], float]]
) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{shown}}} {value}" if shown else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _one(name: str, kind: str, about: str, value: float) -> Iterator[str]:
    return _metric(name, kind, about, [({}, value)])


def _operations(status: Status) -> Iterator[str]:
    for field, about in _OF_COMMANDS:
        samples = [
            ({"command": name}, getattr(one, field)) for name, one in status.commands.items()
        ]
        yield from _metric(f"aod_operations_{field}_total", "counter", about, samples)
    dropped = [
        ({"command": name, "reason": field.removeprefix("dropped_")}, getattr(one, field))
        for name, one in status.commands.items()
        for field in DROPPED
    ]
    about = "Operations without a record, by reason."
    yield from _metric("aod_operations_dropped_total", "counter", about, dropped)
    yield from _one("aod_operations_in_flight", "gauge", "Operations in flight.", status.in_flight)
    about = "Events for which the kernel did not run the programs."
    yield from _one("aod_events_missed_total", "counter", about, status.missed)


def _records(status: Status) -> Iterator[str]:
    yield from _one(
        "aod_records_total", "counter", "Records ever written to the event log.", status.records
    )
    about = "Records that detect has evaluated or skipped."
    yield from _one("aod_records_read_total", "counter", about, status.read)
    about = "Records that were overwritten before detect read them."
    yield from _one("aod_records_skipped_total", "counter", about, status.skipped)


def _anomalies(status: Status) -> Iterator[str]:
    yield from _one("aod_anomalies_declared_total", "counter", "Anomalies.", status.declared)
    about = "Anomalies that detect declared and did not pass on: too many waited."
    yield from _one(
        "aod_anomalies_refused_by_detect_total", "counter", about, status.refused_by_detect
    )
    samples = [({"kind": kind}, count) for kind, count in status.outcomes.items()]
    about = "Anomalies that capture knows, by where they came from and by outcome."
    yield from _metric("aod_anomalies_total", "counter", about, samples)
    yield from _one("aod_anomalies_open", "gauge", "Anomalies without an outcome yet.", status.open)


def _bundles(status: Status) -> Iterator[str]:
    if (output := status.output) is not None:
        yield from _one("aod_bundles", "gauge", "Bundles in the output folder.", output.bundles)
        yield from _one("aod_bundles_bytes", "gauge", "Their size.", output.bytes)
        yield from _one("aod_output_free_bytes", "gauge", "Free space there.", output.free_bytes)


def _state(status: Status) -> Iterator[str]:
    workers = status.daemon.workers
    up = [({"stage": one.stage}, int(one.state == "running")) for one in workers]
    yield from _metric("aod_worker_up", "gauge", "Whether a worker runs.", up)
    restarts = [({"stage": one.stage}, one.restarts) for one in workers]
    yield from _metric(
        "aod_worker_restarts_total", "counter", "Respawns since the daemon started.", restarts
    )
    off = [({"sum": one.sum, "command": one.command}, one.by) for one in status.violations]
    yield from _metric("aod_conservation_off_by", "gauge", "Sums that do not hold.", off)
    healthy = int(not unhealthy(status, time.monotonic_ns()))
    yield from _one("aod_healthy", "gauge", "1 when the exit code of `aod status` is 0.", healthy)
