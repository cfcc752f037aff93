"""30 s of 200,000 operations a second, all of which match, on the whole daemon.

What the test of the storm asserts is asserted here, too.
"""

from collections.abc import Iterator

from tests.bench.bench_rig import bench_daemon
from tests.kernel import storm

PER_SECOND = 200_000
SECONDS = 30
COOLDOWN_SEC = 2


def figures() -> Iterator[dict[str, object]]:
    """Counts, the cost of a record, and the most memory that detect and capture had."""
    with bench_daemon(storm.configuration(COOLDOWN_SEC)) as daemon:
        seen = storm.rage(daemon, PER_SECOND, SECONDS, COOLDOWN_SEC)
    storm.check(seen)
    yield {
        "figure": "storm",
        "records": seen.status.read,
        "records_per_second": round(seen.status.read / seen.elapsed_sec),
        "dropped": seen.total("dropped_ring_full"),
        "bundles": len(seen.anomalies),
        "suppressed": seen.suppressed,
    }
    cost = seen.detect_cpu_ns / seen.status.read
    yield {"figure": "storm, CPU time of detect", "ns_per_record": round(cost, 1)}
    for stage in ("detect", "capture"):
        settled, final = (getattr(one, stage) for one in (seen.settled, seen.final))
        yield {
            "figure": "storm, peak of resident memory",
            "process": stage,
            "at_first_mb": round(settled / 1e6, 1),
            "at_the_end_mb": round(final / 1e6, 1),
        }
