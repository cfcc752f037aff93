"""What is wrong with a daemon."""

from collections.abc import Iterator
from typing import Final

from aod.conservation import violation
from aod.status.model import Status

STALE_NS: Final = 10 * 10**9
"""Counters are published every second, the supervisor's report every two."""


def unhealthy(status: Status, now_ns: int) -> list[str]:
    """What is wrong, each in a line; `now_ns` is CLOCK_MONOTONIC."""
    if not status.supervisor_pid:
        return ["the supervisor does not run"]
    return [
        *map(violation.sentence, status.violations),
        *_workers(status, now_ns),
        *(
            f"anomaly '{one.name}' is off, its rule failed: {one.fault}"
            for one in status.anomalies.episodes
            if one.fault
        ),
        *_stale("the counters are", status.stats_ns, now_ns),
    ]


def _workers(status: Status, now_ns: int) -> Iterator[str]:
    report = status.daemon
    if not report.workers:
        yield "the supervisor reports no workers"
    yield from _stale("the supervisor is silent; its last report is", report.written_ns, now_ns)
    for worker in report.workers:
        if worker.state != "running":
            yield f"{worker.stage} is {worker.state}"
        elif worker.health == "impaired":  # not so one that waits for the cifs module
            yield f"{worker.stage}: {worker.note}"


def _stale(what: str, taken_ns: int, now_ns: int) -> Iterator[str]:
    if taken_ns and now_ns - taken_ns > STALE_NS:
        yield f"{what} {(now_ns - taken_ns) / 1e9:.0f} s old"
