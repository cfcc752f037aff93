"""The real ring of this machine for a bench, and a daemon on it."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aod.kernel import tracer
from tests.kernel.conftest import BPFFS, Rig
from tests.kernel.daemon import LocalDaemon

REPO: Final = Path(__file__).resolve().parents[2]
SHARED_MEMORY: Final = "/dev/shm"
CONFIG: Final[dict[str, Any]] = {
    "guardian": {"anomalies": {"latency": {"type": "Latency", "actions": []}}}
}


def pin_dir() -> Path:
    if not os.path.ismount(BPFFS):
        subprocess.run(["mount", "-t", "bpf", "bpf", str(BPFFS)], check=True)
    return BPFFS / f"aod-bench-{os.getpid()}"


@contextmanager
def bench_rig() -> Iterator[Rig]:
    """A ring and an event log of the default sizes, in this process."""
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        rig = Rig(pin_dir(), Path(folder), ring_bytes=16 << 20, log_mb=16)
        try:
            yield rig
        finally:
            rig.tracer.close()
            tracer.remove(rig.setup.pin_dir)


@contextmanager
def bench_daemon(
    config: dict[str, Any], *arguments: str, parent: str = SHARED_MEMORY
) -> Iterator[LocalDaemon]:
    """A running daemon with this configuration, its folders below `parent`."""
    with (
        tempfile.TemporaryDirectory(dir=parent) as folder,
        LocalDaemon(Path(folder), pin_dir(), config, *arguments) as daemon,
    ):
        yield daemon
