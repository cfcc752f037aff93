"""What a daemon leaves: in the kernel, in the runtime folder, in memory; and how it is removed."""

import logging
from collections.abc import Collection

from aod.actions import orphans
from aod.config.schema import Config
from aod.files import FOLDER_MODE
from aod.flight import recorders
from aod.kernel import tracer
from aod.state.lock import Lock
from aod.supervision import folders
from aod.transport.wire import STAGES


def clear(config: Config, stages: Collection[str], lock: Lock, log: logging.Logger) -> None:
    """Remove what these stages of this daemon left; for who holds the lock, and gives it back."""
    if "collect" in stages:
        tracer.remove(config.pin_dir)  # where collect had to be ended, it is still there
    if "capture" in stages:
        recorders.clear(config, log)  # the same with capture
        orphans.end()
    folders.clear_runtime(config.runtime_dir, lock)


def clean(config: Config, log: logging.Logger) -> None:
    """Remove what a dead daemon of this configuration left.

    Records that nobody read go with it; anomalies in the spool and bundles stay.

    Raises:
        LockedError: it runs.
        TracerError: the kernel does not let go of the pins.
    """
    staging = config.pin_dir.with_name(config.pin_dir.name + "-new")
    if not (config.runtime_dir.exists() or config.pin_dir.exists() or staging.exists()):
        return
    config.runtime_dir.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    lock = Lock(config.runtime_dir)
    tracer.remove(staging)
    clear(config, STAGES, lock, log)
