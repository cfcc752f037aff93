"""From a trigger to evidence: the first volatile source's file complete, and the sealed bundle.

The whole daemon on this machine's ring, its folders on a disk, the event log full, every action
that can run configured. The times are the daemon's own: its audit log's entry of the bundle, and
when the archive got its name; so nothing is measured by looking often.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from aod.audit.entries import CaptureSealed
from aod.settings import ActionName
from aod.state import names
from scripts.vm.guest.wait import wait_until
from tests.bench.bench_rig import bench_daemon
from tests.rig import audit_log, configs
from tests.rig.daemon import LocalDaemon

TRIGGERS: Final = 100
HISTORY: Final = 250_000
CONFIG: Final = configs.latency(actions=sorted(map(str, ActionName)))


def _next_bundle(daemon: LocalDaemon, known: set[Path]) -> Path:
    found = daemon.wait_for_bundle(known)
    known.add(found)
    return found


def _first_evidence_ns(daemon: LocalDaemon, timestamp: int) -> int:
    """When the first volatile source had its whole file, by the bundle's entry in the audit log."""

    def found() -> int | None:
        for entry in audit_log.decoded(daemon.output_dir):
            if isinstance(entry, CaptureSealed) and entry.timestamp == timestamp:
                return round((entry.first_evidence_sec or 0) * 1e9)
        return None

    return wait_until(found, "the entry of the sealed bundle")


def _one(daemon: LocalDaemon, known: set[Path]) -> tuple[int, int]:
    """ns from a trigger to the first evidence, and to the sealed bundle."""
    daemon.emergency()
    bundle = _next_bundle(daemon, known)
    timestamp = names.archive.timestamp(bundle.name) or 0
    return _first_evidence_ns(daemon, timestamp), bundle.stat().st_ctime_ns - timestamp


def figures() -> Iterator[dict[str, object]]:
    """Percentiles in milliseconds."""
    with bench_daemon(CONFIG, parent=Path(tempfile.gettempdir())) as daemon:
        daemon.producer().load(HISTORY)
        known: set[Path] = set()
        times = []
        for _ in range(TRIGGERS):
            time.sleep(random.uniform(0.01, 0.3))
            times.append(_one(daemon, known))
    first, sealed = np.percentile(times, [50, 99], axis=0).T / 1e6
    for figure, (p50, p99), target in (
        ("trigger to first evidence", first, {"target_p99_ms_below": 50}),
        ("trigger to sealed bundle", sealed, {"target_p99_ms_below": 2000}),
    ):
        yield {"figure": figure, "triggers": TRIGGERS, "p50_ms": round(float(p50), 1),
               "p99_ms": round(float(p99), 1)} | target  # fmt: skip
