"""The audit log for a process that must never wait and has no threads: forked children write it.

The output folder may hang (NFS, FUSE), and with it whoever writes there. One child at a time writes
all entries that have gathered; those beyond the queue's limit are counted, and the next child that
can write logs them as a loss."""

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aod._native import lib
from aod.audit.entries import Entry
from aod.audit.log import AuditLog

MAX_QUEUED: Final = 64
_POLL_SEC: Final = 0.01
_BLOCKED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


class ForkedAudit:
    """A queue of entries, and the child that writes."""

    def __init__(
        self,
        audit_log: AuditLog,
        logger: logging.Logger,
        close_inherited: Callable[[], None] = lambda: None,
    ) -> None:
        """`close_inherited` closes in a child what belongs to this process alone."""
        self._audit_log, self.use = audit_log, audit_log.use
        self._logger = logger
        self._close_inherited = close_inherited
        self._queue: list[Entry] = []
        self._written = self._missed_before = 0
        """Of the present child: its entries, and those missed when it was forked."""
        self._pid = 0

    def write(self, entry: Entry) -> None:
        """Have an entry written, soon."""
        if len(self._queue) < MAX_QUEUED:
            self._queue.append(entry)
        else:
            self._audit_log.missed += 1
        self.tick()

    def tick(self) -> None:
        """Reap the child, and give the next one the queue; never waits."""
        if self._pid:
            self._reap()
        if self._queue and not self._pid:
            self._fork()

    def close(self, patience_sec: float) -> None:
        """Wait until all is written, no longer than that; then give up."""
        deadline = time.monotonic() + patience_sec
        self.tick()
        while (self._queue or self._pid) and time.monotonic() < deadline:
            time.sleep(_POLL_SEC)
            self.tick()
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        if self._queue or self._pid:
            lost = self._audit_log.missed + len(self._queue) + self._written
            self._logger.warning("the audit log cannot be written: %d entries are lost", lost)

    def _fork(self) -> None:
        """If the fork fails, the queue waits for the next tick."""
        entries, parent = self._queue, os.getpid()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        try:
            pid = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return
        if pid == 0:
            missed = len(entries)
            try:
                missed = self._child(parent, entries)
            finally:
                os._exit(min(missed, 255))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._queue, self._pid, self._written = [], pid, len(entries)
        self._missed_before = self._audit_log.missed

    def _child(self, parent: int, entries: list[Entry]) -> int:
        lib.aod_die_with_parent()
        if os.getppid() != parent:
            return len(entries)
        signal.set_wakeup_fd(-1)
        self._close_inherited()
        if self._audit_log.missed:
            logging.disable()  # an earlier child logged why
        for entry in entries:
            self._audit_log.write(entry)
        return self._audit_log.missed

    def _reap(self) -> None:
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid:
            return
        code = os.waitstatus_to_exitcode(status)
        missed = code if code >= 0 else self._missed_before + self._written
        if self._missed_before and not missed:
            self._audit_log.report_recovery(self._missed_before)
        self._audit_log.missed += missed - self._missed_before
        self._pid = self._written = self._missed_before = 0
