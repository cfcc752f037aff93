"""Records per second from the kernel's ring to the detector, through the running daemon.

The producer is a process of its own that emits at a steady pace for some seconds; the figure is the
highest pace at which the kernel counts no drop and detect has evaluated every record.
"""

import subprocess
import sys
import time
from collections.abc import Iterator

from aod.status.model import Status
from tests.bench.bench_rig import CONFIG, REPO, bench_daemon
from tests.kernel.daemon import LocalDaemon, wait_until

SECONDS = 3
FAST_NS = 1000
PACES = (250_000, 500_000, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 6_000_000, 8_000_000)


def _run(daemon: LocalDaemon, per_second: int) -> tuple[int, float]:
    """Drops, and the pace that was really reached."""
    before = daemon.status()
    start = time.monotonic()
    arguments = map(str, (daemon.pin_dir, per_second, SECONDS, FAST_NS))
    subprocess.run([sys.executable, "-m", "tests.kernel.produce", *arguments], cwd=REPO, check=True)
    elapsed = time.monotonic() - start
    after = wait_until(lambda: _settled(daemon, time.monotonic_ns()), "detect to catch up", 60)
    finished = _total(after, "finished") - _total(before, "finished")
    dropped = _total(after, "dropped_ring_full") - _total(before, "dropped_ring_full")
    return dropped, finished / max(elapsed, SECONDS)


def _settled(daemon: LocalDaemon, _now_ns: int) -> Status | None:
    found = daemon.status()
    emitted = _total(found, "emitted")
    return found if found.read == found.records == emitted else None


def _total(found: Status, counter: str) -> int:
    return sum(int(getattr(one, counter)) for one in found.commands.values())


def figures() -> Iterator[dict[str, object]]:
    """The highest pace without loss."""
    best = 0.0
    with bench_daemon(CONFIG, "--without", "capture", "--without", "cleanup") as daemon:
        daemon.producer()
        for pace in PACES:
            dropped, reached = _run(daemon, pace)
            if dropped or reached < best:
                break
            best = reached
    yield {"figure": "ring to detector without loss", "records_per_second": round(best)}
