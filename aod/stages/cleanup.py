"""cleanup: deletes sealed bundles that are too old or too many, on a timer and after each seal."""

import logging
import time
from threading import Thread
from typing import Final

from aod import log
from aod.audit.entries import Deleted
from aod.audit.log import AuditLog
from aod.bundles import retention
from aod.bundles.retention import Entry, Removal
from aod.config.schema import Config
from aod.files import opened_folder
from aod.settings import DAY_SEC
from aod.stages.base import HEARTBEAT_INTERVAL_SEC, StageContext
from aod.transport.wire import Sealed

_POLL_SEC: Final = 0.1
_HANGS_SEC: Final = 1.0


class Cleaner:
    """Keeps the output folder within its limits; logs what it deletes, and each problem once.

    Attributes:
        deleted: bundles deleted so far.
        left: bundles that stayed after the last sweep.
        problem: why the last sweep failed; empty: it did not."""

    def __init__(self, config: Config, logger: logging.Logger) -> None:
        self.deleted = 0
        self.left: list[Entry] = []
        self.problem = ""
        self._folder = config.aod_output_dir
        self._logger = logger
        self._audit_log = AuditLog(config, logger)
        self._warn_once = log.WarnOnce(logger)
        self.use(config)

    def use(self, config: Config) -> None:
        """Use the limits of a configuration; the folder stays."""
        self._max_age_ns = int(config.cleanup.max_log_age_days * DAY_SEC * 1e9)
        self._max_bytes = retention.max_bytes(config.cleanup)
        self._audit_log.use(config)

    def sweep(self, *, dry_run: bool = False) -> list[Removal]:
        """Delete what has to go (with `dry_run`: nothing); what went or would go, oldest first.

        Raises OSError: the folder cannot be read."""
        with opened_folder(self._folder) as folder_fd:
            entries = retention.scan(folder_fd)
            planned = retention.plan(entries, time.time_ns(), self._max_age_ns, self._max_bytes)
            removed = [one for one in planned if dry_run or self._delete(folder_fd, one)]
        self.left = sorted(set(entries) - {removal.entry for removal in removed})
        if self.left and self.left[-1].size_bytes > self._max_bytes:
            self._warn_once(
                f"{self.left[-1].name} alone is larger than max_total_log_size_mb; "
                "kept, as it is the newest"
            )
        return removed

    def try_sweep(self) -> None:
        """`sweep`; a folder that is missing for a while does not end the stage."""
        self.problem = ""
        try:
            self.sweep()
        except OSError as error:
            self.problem = f"cannot clean up: {error}"
            self._warn_once(self.problem)

    def _delete(self, folder_fd: int, removal: Removal) -> bool:
        entry = removal.entry
        try:
            if not retention.delete(folder_fd, entry):
                return False
        except OSError as error:
            self._warn_once(f"cannot delete {entry.name}: {error.strerror}")
            return False
        self.deleted += 1
        self._logger.info("deleted %s: %s", entry.name, removal.reason)
        self._audit_log.write(
            Deleted(bundle=entry.name, size_bytes=entry.size_bytes, reason=removal.reason)
        )
        return True


def sweep(config: Config, *, dry_run: bool = False) -> list[Removal]:
    """Clean up once; what was deleted, or with `dry_run` would be, oldest first.

    Raises OSError: the output folder cannot be read."""
    return Cleaner(config, log.ROOT.getChild("cleanup")).sweep(dry_run=dry_run)


def _sweep(cleaner: Cleaner, context: StageContext) -> bool:
    """Sweep in a thread, so that a folder that hangs does not stop the heartbeat; False where it
    still hangs at the shutdown."""
    thread = Thread(target=cleaner.try_sweep, daemon=True)
    began = time.monotonic()
    thread.start()
    while thread.is_alive():
        thread.join(_POLL_SEC)
        if time.monotonic() - began < _HANGS_SEC:
            continue
        if context.shutting_down:
            return False
        _heartbeat(cleaner, context, f"{context.config.aod_output_dir} does not answer")
    return True


def _heartbeat(cleaner: Cleaner, context: StageContext, problem: str) -> None:
    context.heartbeat(
        "impaired" if problem else "ready",
        problem,
        deleted=cleaner.deleted,
        bundles=len(cleaner.left),
        bytes=sum(entry.size_bytes for entry in cleaner.left),
    )


def run(context: StageContext) -> int:
    """Clean up until shut down."""
    cleaner = Cleaner(context.config, context.logger)
    due = time.monotonic()
    over = False
    while not over:
        over = context.shutting_down  # messages that came before it are still read
        context.wait(min(HEARTBEAT_INTERVAL_SEC, max(0.0, due - time.monotonic())))
        sealed = [message for message in context.inbox.messages() if isinstance(message, Sealed)]
        if (config := context.new_config()) is not None:
            cleaner.use(config)
            due = 0.0
        if sealed or time.monotonic() >= due:
            if not _sweep(cleaner, context):
                break
            due = time.monotonic() + context.config.cleanup.cleanup_interval_sec
        _heartbeat(cleaner, context, cleaner.problem)
    context.heartbeat("stopping")
    return 0
