"""Removes the leftovers of a daemon from the kernel, the runtime folder and memory."""

import logging
from collections.abc import Collection

from aod.config.schema import Config
from aod.files import FOLDER_MODE
from aod.flight import recorders
from aod.host import children
from aod.kernel import tracer
from aod.state.lock import Lock
from aod.supervision import folders
from aod.transport.wire import STAGES


def clear(config: Config, stages: Collection[str], lock: Lock, logger: logging.Logger) -> None:
    """Remove the leftovers of these stages; the caller holds the lock, which is released."""
    if "collect" in stages:
        tracer.remove(config.pin_dir)  # collect does so itself, unless it was killed
    if "capture" in stages:
        recorders.clear(config, logger)  # likewise capture
        children.end_leftovers()
    folders.clear_runtime(config.runtime_dir, lock)


def clean(config: Config, logger: logging.Logger) -> None:
    """Remove the leftovers of a dead daemon of this configuration.

    Records that detect had not read are lost; anomalies in the spool and bundles stay. Raises
    LockedError: it runs. Raises TracerError: the kernel does not let go of the pins."""
    staging = config.pin_dir.with_name(config.pin_dir.name + "-new")
    if not (config.runtime_dir.exists() or config.pin_dir.exists() or staging.exists()):
        return
    config.runtime_dir.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    lock = Lock(config.runtime_dir)
    tracer.remove(staging)
    clear(config, STAGES, lock, logger)
