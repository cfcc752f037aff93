"""The audit log for a process that must never wait and has no threads: children write it.

The output folder may hang (NFS, FUSE), and whoever writes there hangs with it. One child at a time
writes all that has gathered; what is more than fits the queue meanwhile is counted, and told as a
loss by the next child that can write.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from typing import Final

from aod._native import lib
from aod.audit.entries import Record
from aod.audit.log import Audit
from aod.config.schema import Config

MAX_QUEUED: Final = 64
_MOST_COUNTED: Final = 255
"""An exit status holds no more."""
_POLL_SEC: Final = 0.01
_BLOCKED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


class AuditChildren:
    """A queue of records, and the child that writes."""

    def __init__(
        self, audit: Audit, log: logging.Logger, in_child: Callable[[], None] = lambda: None
    ) -> None:
        """`in_child` lets go of what belongs to this process alone."""
        self._audit = audit
        self._log = log
        self._in_child = in_child
        self._queue: list[Record] = []
        self._written = self._missed_before = self._dropped = 0
        """Of the child of now: its records, those that missed when it was forked, and those that
        were too many since."""
        self._pid = 0

    def use(self, config: Config) -> None:
        """Go on with this configuration's settings."""
        self._audit.use(config)

    def write(self, record: Record) -> None:
        """Have a record written, soon."""
        if len(self._queue) < MAX_QUEUED:
            self._queue.append(record)
        else:
            self._dropped += 1
        self.tick()

    def tick(self) -> None:
        """Reap the child, and give the next one what has gathered; never waits."""
        if self._pid:
            self._reap()
        if self._queue and not self._pid:
            self._fork()

    def close(self, patience_sec: float) -> None:
        """Wait until all is written, no longer than that; then leave it."""
        deadline = time.monotonic() + patience_sec
        self.tick()
        while self._queue or self._pid:
            if time.monotonic() >= deadline:
                return self._give_up()
            time.sleep(_POLL_SEC)
            self.tick()
        return None

    def _give_up(self) -> None:
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        lost = self._missed_before + self._dropped + len(self._queue) + self._written
        self._log.warning("the audit log takes nothing: %d records are not written", lost)

    def _fork(self) -> None:
        """Where the host has no room for one more process, what is queued waits."""
        records, parent = self._queue, os.getpid()
        self._audit.missed += self._dropped
        self._dropped = 0
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        try:
            pid = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return
        if pid == 0:
            missed = len(records)
            try:
                missed = self._child(parent, records)
            finally:
                os._exit(min(missed, _MOST_COUNTED))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._queue, self._pid, self._written = [], pid, len(records)
        self._missed_before = self._audit.missed

    def _child(self, parent: int, records: list[Record]) -> int:
        lib.aod_die_with_parent()
        if os.getppid() != parent:
            return len(records)
        signal.set_wakeup_fd(-1)
        self._in_child()
        if self._audit.missed:
            logging.disable()  # it was said why
        for record in records:
            self._audit.write(record)
        return self._audit.missed

    def _reap(self) -> None:
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid:
            return
        code = os.waitstatus_to_exitcode(status)
        missed = code if code >= 0 else self._missed_before + self._written
        if self._missed_before and not missed:
            again = "the audit log is written again; %d records miss"
            self._log.warning(again, self._missed_before)
        self._audit.missed = missed + self._dropped
        self._pid = self._written = self._dropped = self._missed_before = 0
