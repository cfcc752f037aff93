"""A daemon that is overloaded: its load, what it has used, and what must hold afterwards."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from aod.status.model import Status
from aod.transport.wire import STAGES
from scripts.vm.guest.proc import memory_bytes
from scripts.vm.guest.wait import wait_until
from tests.campaign.load import Emitted
from tests.rig import configs
from tests.rig.bundles import open_bundle
from tests.rig.daemon import LocalDaemon

PATIENCE_SEC: Final = 120
MIB: Final = 1 << 20


def configuration(**capture: Any) -> dict[str, Any]:
    """The sizes that a user has, but for patience with who is stopped. Each emergency is an anomaly
    of its own; evidence is cheap."""
    limits = configs.SMALL_DISK | {"post_sec": 0, "history_sec": 0.02}
    return {
        "watch_interval_sec": 0.001,
        "guardian": {"anomalies": {"slow": configs.EMERGENCIES}},
        "audit": {"max_mb": 64},
        "cleanup": {"max_total_log_size_mb": 100_000},
        "capture": limits | capture,
        "supervision": configs.EAGER | {"heartbeat_timeout_sec": 3600},
    }


class Peak(Struct, frozen=True):
    """Resident memory of a process, in bytes."""

    before: int
    peak: int

    @property
    def growth(self) -> int:
        return self.peak - self.before


class Overloaded:
    """A running daemon, whose memory is watched."""

    def __init__(self, daemon: LocalDaemon) -> None:
        self.daemon = daemon
        self.pids = {stage: daemon.wait_for_worker(stage) for stage in STAGES}
        self.pids["supervisor"] = daemon.process.pid
        for pid in self.pids.values():
            (_proc(pid) / "clear_refs").write_text("5")  # the peak begins anew: proc(5)
        self._before = {name: memory_bytes(pid, "VmRSS") for name, pid in self.pids.items()}

    def pid(self, stage: str) -> int:
        return self.daemon.wait_for_worker(stage)

    def peaks(self) -> dict[str, Peak]:
        """By process, of those that still live."""
        alive = {name: pid for name, pid in self.pids.items() if _proc(pid).exists()}
        peaks = {name: memory_bytes(pid, "VmHWM") for name, pid in alive.items()}
        return {name: Peak(self._before[name], peak) for name, peak in peaks.items()}

    @contextmanager
    def stopped(self, stage: str) -> Iterator[None]:
        """A stage does nothing meanwhile."""
        os.kill(self.pids[stage], signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pids[stage], signal.SIGCONT)

    def settle(self, emitted: Emitted) -> Status:
        """Wait until all that the ring took is evaluated, and check the sums.

        Raises:
            AssertionError: something was lost elsewhere, or not counted.
        """
        taken = emitted.total - emitted.dropped
        wait_until(lambda: self.daemon.status().read >= taken, "an end of reading", PATIENCE_SEC)
        wait_until(
            lambda: _total(self.daemon.status(), "finished") >= emitted.total,
            "the last counters",
            PATIENCE_SEC,
        )
        found = self.daemon.status()
        assert (found.records, found.read) == (taken, taken)
        assert _total(found, "finished") == emitted.total
        assert _total(found, "dropped_ring_full") == emitted.dropped
        assert found.conserved
        return found

    def wait_for_captures(self) -> None:
        """Until nothing waits."""

        def waiting() -> bool:
            spooled = any((self.daemon.state_dir / "spool").glob("*.json"))
            return spooled or any(self.daemon.output_dir.glob("aod_*[0-9]"))

        wait_until(lambda: not waiting(), "an empty spool", PATIENCE_SEC)

    def next_losses(self) -> dict[str, int]:
        """The losses in the manifest of the next bundle."""
        known = set(self.daemon.bundles())
        self.daemon.emergency()
        bundle = open_bundle(self.daemon.wait_for_bundle(known, PATIENCE_SEC))
        losses: dict[str, int] = bundle.manifest["losses"]
        return losses


@contextmanager
def full(folder: Path, size_mb: int) -> Iterator[Path]:
    """A small file system in a folder; the block may fill and empty it."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=750", "aod-test", str(folder)]
    subprocess.run(command, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """To the last byte; the file that does it."""
    path = folder / ".filler"
    with path.open("wb", buffering=0) as file:
        try:
            for size in (1 << 16, 1 << 12):
                while file.write(bytes(size)) == size:
                    pass
        except OSError:
            pass
    return path


def _total(found: Status, counter: str) -> int:
    return sum(int(getattr(one, counter)) for one in found.commands.values())


def _proc(pid: int) -> Path:
    return Path("/proc") / str(pid)
