"""What is overloaded, for how long, and what has to hold. Each case returns what it has seen."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from aod.transport.position import read_evaluated
from scripts.vm.guest.wait import wait_until
from tests.campaign.load import Emitted, Load
from tests.overload.cgroup import MemoryLimit
from tests.overload.rig import (
    MIB,
    PATIENCE_SEC,
    Overloaded,
    Peak,
    configuration,
    fill,
    full,
)
from tests.rig.daemon import LocalDaemon

PER_SECOND: Final = 1_000_000
SEED: Final = 1
RARE: Final = 1e-6
"""Anomalies a second: none comes."""
LOG_BYTES: Final = 16 * MIB
"""`event_log_mb`, unless configured."""
GROWTH_BYTES: Final = {"capture": LOG_BYTES + 32 * MIB}
OTHERS_GROWTH_BYTES: Final = LOG_BYTES + 8 * MIB
"""What a process may have at its peak beyond what it had before. Each that maps the event log comes
to have all its pages (they are the same memory); detect makes copies of a batch of it (1 MiB);
capture compresses two bundles at once. What has no end would be more: 10 s of a million records are
640 MB, and 12,000 anomalies a minute some 200 MB."""
USE_FACTOR: Final = 1.2


class Seen(Struct, frozen=True):
    """What came of it."""

    emitted: Emitted
    peaks: dict[str, Peak]
    figures: dict[str, int]
    """Other figures."""


def detect_stopped(base: Path, pin_dir: Path, seconds: float) -> Seen:
    """The event log fills, then the kernel's ring; only there is anything lost, and the next bundle
    carries how much."""
    with _overloaded(base, pin_dir) as rig:
        with Load(pin_dir, PER_SECOND, RARE, SEED) as load:
            with rig.stopped("detect"):
                time.sleep(seconds)
            position = rig.daemon.status().read
            wait_until(lambda: rig.daemon.status().read > position + PER_SECOND, "a recovery")
            emitted = load.stop()
        rig.settle(emitted)
        assert emitted.dropped > 0
        assert rig.next_losses()["dropped_ring_full"] == emitted.dropped
        return _seen(rig, emitted)


def capture_stopped(
    base: Path, pin_dir: Path, seconds: float, anomalies_per_second: float = 200
) -> Seen:
    """The spool has an end; beyond it detect counts, and the next bundle carries the number."""
    with _overloaded(base, pin_dir, max_waiting=32) as rig:
        with Load(pin_dir, 100_000, anomalies_per_second, SEED) as load:
            with rig.stopped("capture"):
                time.sleep(seconds)
                wait_until(
                    lambda: read_evaluated(rig.daemon.runtime_dir).refused,
                    "a full spool",
                    PATIENCE_SEC,
                )
            emitted = load.stop()
        rig.settle(emitted)
        rig.wait_for_captures()
        evaluated = read_evaluated(rig.daemon.runtime_dir)
        assert evaluated.declared == len(emitted.emergencies)
        wait_until(
            lambda: (
                len(rig.daemon.audited("declaration")) == evaluated.declared - evaluated.refused
            ),
            "the audit log",
        )
        sealed, refused = len(rig.daemon.bundles()), len(rig.daemon.audited("capture_refused"))
        assert sealed + refused + evaluated.refused == evaluated.declared
        assert rig.next_losses()["refused_by_detect"] == evaluated.refused
        figures = {"declared": evaluated.declared, "sealed": sealed, "refused by capture": refused}
        return _seen(rig, emitted, **figures, **{"refused by detect": evaluated.refused})


def disk_full(base: Path, pin_dir: Path, seconds: float) -> Seen:
    """Output, state and runtime folder have no byte left; nobody dies of it, and each anomaly has
    its bundle when there is room again. They are fewer than capture takes from messages alone."""
    with ExitStack() as stack:
        disks = [stack.enter_context(full(base / name, 64)) for name in ("out", "state", "run")]
        with _overloaded(base, pin_dir, max_waiting=100) as rig:
            pids = dict(rig.pids)
            with Load(pin_dir, PER_SECOND, 4, SEED) as load:
                fillers = [fill(folder) for folder in disks]
                time.sleep(seconds)
                assert {stage: rig.pid(stage) for stage in pids if stage != "supervisor"} == {
                    stage: pid for stage, pid in pids.items() if stage != "supervisor"
                }
                for filler in fillers:
                    filler.unlink()
                emitted = load.stop()
            rig.settle(emitted)
            wait_until(
                lambda: len(rig.daemon.bundles()) == len(emitted.emergencies), "all bundles", 60
            )
            return _seen(rig, emitted, bundles=len(rig.daemon.bundles()))


def little_memory(base: Path, pin_dir: Path, seconds: float) -> Seen:
    """A limit of 1.2 times what the daemon needs for its normal work, and then a storm."""
    with MemoryLimit(f"aod-test-{pin_dir.name}") as limit:
        daemon = LocalDaemon(base, pin_dir, configuration())
        daemon.command[:0] = limit.command()
        with daemon:
            daemon.producer()
            rig = Overloaded(daemon)
            with Load(pin_dir, PER_SECOND, 2, SEED) as load:
                time.sleep(seconds)
                first = load.stop()
            rig.settle(first)
            rig.wait_for_captures()
            normal = limit.peak_bytes()
            limit.set(round(normal * USE_FACTOR))
            with Load(pin_dir, PER_SECOND, 20, SEED) as load:
                with rig.stopped("detect"):
                    time.sleep(seconds)
                emitted = load.stop()
            both = first.plus(emitted)
            rig.settle(both)
            rig.wait_for_captures()
            sealed, refused = len(daemon.bundles()), len(rig.daemon.audited("capture_refused"))
            assert sealed + refused == len(both.emergencies)
            figures = {"normal": normal, "peak": limit.peak_bytes(), "at the limit": limit.hits()}
            return _seen(rig, both, **figures)


@contextmanager
def _overloaded(base: Path, pin_dir: Path, **capture: int) -> Iterator[Overloaded]:
    with LocalDaemon(base, pin_dir, configuration(**capture)) as daemon:
        daemon.producer()
        yield Overloaded(daemon)
        assert daemon.stop(60) == 0


def _seen(rig: Overloaded, emitted: Emitted, **figures: int) -> Seen:
    peaks = rig.peaks()
    for name, one in peaks.items():
        most = GROWTH_BYTES.get(name, OTHERS_GROWTH_BYTES)
        assert one.growth <= most, f"{name} has grown by {one.growth} bytes, {most} are allowed"
    return Seen(emitted, peaks, figures)
