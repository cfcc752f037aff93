"""Removes the leftovers of a daemon from the kernel, the runtime folder and memory."""

import logging
import os
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from aod.config.schema import Config
from aod.conservation import violation
from aod.files import FOLDER_MODE, opened_folder, unfinished
from aod.flight import recorders
from aod.host import children
from aod.kernel import attachments, reader_lock, tracer
from aod.smb import peers
from aod.state import counters, ledger
from aod.state.lock import Lock
from aod.status import workers
from aod.transport.position import LOG_NAME, POSITION_NAME
from aod.transport.wire import STAGES, socket_path

_FILES: Final = (LOG_NAME, POSITION_NAME, counters.NAME, ledger.NAME)
_REPORTS: Final = (violation.FILE, attachments.FILE, workers.FILE, peers.FILE)


def clear(config: Config, stages: Collection[str], lock: Lock, logger: logging.Logger) -> None:
    """Remove the leftovers of these stages, and our files from the runtime folder; release the
    lock, which the caller holds; remove the folder if it is empty."""
    if "collect" in stages:
        tracer.remove(config.pin_dir)  # collect does so itself, unless it was killed
    if "capture" in stages:
        recorders.clear(config, logger)  # likewise capture
        children.end_leftovers()
    for inbox in (socket_path(config.runtime_dir, stage).parent for stage in STAGES):
        with suppress(OSError), opened_folder(inbox, os.O_NOFOLLOW) as fd:
            for entry in list(os.scandir(fd)):  # the folder belongs to the stage alone
                os.unlink(entry.name, dir_fd=fd)
            inbox.rmdir()
    for name in (*_FILES, *(report.name for report in _REPORTS)):
        path = config.runtime_dir / name
        for one in (path, unfinished(path)):
            one.unlink(missing_ok=True)
    reader_lock.clear(config.runtime_dir)
    lock.release()
    with suppress(OSError):
        config.runtime_dir.rmdir()


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
