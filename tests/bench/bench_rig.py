"""The real ring of this machine for a bench, and a daemon on it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aod.kernel import tracer
from tests.rig import configs
from tests.rig.daemon import LocalDaemon
from tests.rig.ring import SHARED_MEMORY, Rig, own_pin_dir

CONFIG: Final = configs.latency(actions=[])
"""No cool-down, and bundles without evidence."""


@contextmanager
def bench_rig() -> Iterator[Rig]:
    """A ring and an event log of the default sizes, in this process."""
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder:
        rig = Rig(own_pin_dir(), Path(folder), ring_bytes=16 << 20, log_mb=16)
        try:
            yield rig
        finally:
            rig.tracer.close()
            tracer.remove(rig.setup.pin_dir)


@contextmanager
def bench_daemon(
    config: dict[str, Any], *arguments: str, parent: Path = SHARED_MEMORY
) -> Iterator[LocalDaemon]:
    """A running daemon with this configuration, its folders below `parent`."""
    with (
        tempfile.TemporaryDirectory(dir=parent) as folder,
        LocalDaemon(Path(folder), own_pin_dir(), config, *arguments) as daemon,
    ):
        yield daemon
