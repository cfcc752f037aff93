"""Records per second from the kernel's ring to the detector, through the running daemon.

This process emits at a steady pace for some seconds, and then at the next higher one. The figure is
the highest pace at which the kernel counted no drop and detect evaluated every record. The search
ends with a drop (in each of two tries: something else may have had the processors), or where the
producer cannot keep the pace; the last line shows which of the two.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from aod.smb.commands import Command
from aod.status.model import Status
from scripts.vm.guest.wait import wait_until
from tests.bench.bench_rig import CONFIG, bench_daemon
from tests.rig.daemon import LocalDaemon
from tests.rig.producer import Producer

SECONDS: Final = 3
TRIES: Final = 2
"""At a pace, until no record is dropped."""
FAST_NS: Final = 1000
FIRST_PACE: Final = 500_000
STEP: Final = 1.25
KEPT: Final = 0.95
"""A producer that reaches less than this of its pace cannot keep it."""
BURST: Final = 50_000
"""Records that the ring has room for, whatever its reader does."""
BURSTS: Final = 15
PAUSE_SEC: Final = 0.1


@dataclass(frozen=True)
class Run:
    """What came of one pace, in records per second."""

    pace: float
    reached: float
    dropped: int

    @property
    def end(self) -> str:
        """Why the search ends here; empty: it continues."""
        if self.dropped:
            return f"{self.dropped} records dropped at {self.reached:,.0f} a second"
        if self.reached < KEPT * self.pace:
            return f"the producer reached {self.reached:,.0f} of {self.pace:,.0f} a second"
        return ""


def _run(daemon: LocalDaemon, producer: Producer, pace: float) -> Run:
    before = daemon.status()
    seconds = producer.at_pace(
        round(pace), SECONDS, latency_ns=FAST_NS, command=Command.SMB2_CREATE
    )
    after = wait_until(lambda: _settled(daemon), "detect to catch up", 60)
    finished = after.total.finished - before.total.finished
    dropped = after.total.dropped_ring_full - before.total.dropped_ring_full
    return Run(pace, finished / seconds, dropped)


def _try(daemon: LocalDaemon, producer: Producer, pace: float) -> Run:
    run = _run(daemon, producer, pace)
    for _ in range(TRIES - 1):
        if run.dropped:
            run = _run(daemon, producer, pace)
    return run


def _settled(daemon: LocalDaemon) -> Status | None:
    found = daemon.status()
    return found if found.read == found.records == found.total.emitted else None


def _limit(producer: Producer) -> float:
    """Records per second that the producer makes on its own: the best of some bursts into a ring
    that has room for them."""
    rates = []
    for _ in range(BURSTS):
        time.sleep(PAUSE_SEC)
        start = time.monotonic()
        emitted = producer.load(BURST, latency_ns=FAST_NS, command=Command.SMB2_CREATE)
        rates.append(emitted / (time.monotonic() - start))
    return max(rates)


def figures() -> Iterator[dict[str, object]]:
    """The producer's own limit, the highest pace without loss, and what ended the search."""
    best = 0.0
    with bench_daemon(CONFIG, "--without", "capture", "--without", "cleanup") as daemon:
        producer = daemon.producer()
        limit = _limit(producer)
        wait_until(lambda: _settled(daemon), "detect to catch up")
        for step in count():
            run = _try(daemon, producer, FIRST_PACE * STEP**step)
            if not run.dropped:
                best = max(best, run.reached)
            if run.end:
                break
    yield {"figure": "the producer's own limit", "records_per_second": round(limit)}
    yield {
        "figure": "ring to detector without loss",
        "records_per_second": round(best),
        "ended_by": "a drop" if run.dropped else "the producer's limit",
        "detail": run.end,
    }
