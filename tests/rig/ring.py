"""This machine's BPF ring without a daemon: an installed tracer, and an event log to drain into."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from aod.kernel.objects import TracerSetup
from aod.kernel.thresholds import NEVER_NS, KernelThresholds
from aod.kernel.tracer import Tracer
from aod.transport.eventlog import EventLog
from tests.rig.producer import OBJECT, Producer

RING_BYTES: Final = 1 << 20
BPFFS: Final = Path("/sys/fs/bpf")
SHARED_MEMORY: Final = Path("/dev/shm")


def own_pin_dir() -> Path:
    """A folder for the pins of this process, not made yet; the file system of pins is mounted where
    it was not."""
    if not os.path.ismount(BPFFS):
        subprocess.run(["mount", "-t", "bpf", "bpf", str(BPFFS)], check=True)
    return BPFFS / f"aod-test-{os.getpid()}"


def make_thresholds(
    *, threshold_ms: float = 20, emergency_ms: float = 1000, errors: tuple[int, ...] = (),
    matching_only: bool = False,
) -> KernelThresholds:  # fmt: skip
    """Thresholds that are equal for all commands, and these errnos tracked."""
    bits = np.zeros(4096, np.bool_)
    bits[list(errors)] = True
    never = np.uint64(NEVER_NS)
    return KernelThresholds(
        threshold_ns=np.full(32, never if threshold_ms < 0 else int(threshold_ms * 1e6), np.uint64),
        emergency_ns=np.full(32, int(emergency_ms * 1e6), np.uint64),
        tracked_errors=np.packbits(bits, bitorder="little").view("<u8"),
        matching_only=matching_only,
    )


class Rig:
    """An installed tracer with the test programs, and an event log to drain it into."""

    def __init__(
        self,
        pin_dir: Path,
        log_dir: Path,
        *,
        ring_bytes: int = RING_BYTES,
        log_mb: int = 1,
        max_inflight: int = 1024,
        thresholds: KernelThresholds | None = None,
        beside: Path | None = None,
    ):
        self.setup = TracerSetup(pin_dir, ring_bytes, max_inflight, beside=beside)
        self.thresholds = thresholds or make_thresholds()
        self.tracer = Tracer.adopt(OBJECT.read_bytes(), self.setup, self.thresholds)
        self.log = EventLog.writer(log_dir, log_mb)
        self.tracer.adopt_log(self.log)
        self.producer = Producer(pin_dir)

    def drain(self, limit: int = 1 << 62, max_records: int = 1 << 30) -> int:
        """Drain all there is; the number of records."""
        return self.tracer.drain(self.log, limit, max_records).count

    def stat(self, name: str, command: int) -> int:
        """A counter of the kernel, by command."""
        self.tracer.publish_stats(self.log, 1)
        return int(self.log.header["stats"][name][command])

    def in_flight(self) -> int:
        """Operations that the kernel holds to be in flight."""
        self.tracer.scan_in_flight(self.log, 1 << 62, 0, [NEVER_NS] * 32)
        return int(self.log.header["in_flight"])


MakeRig = Callable[..., Rig]
