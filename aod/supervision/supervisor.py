"""The supervisor: the loop of the daemon, from its lock to its exit code.

Workers are forked from this process, which has imported what they share, and holds neither a ZeroMQ
context nor a thread. It listens to nobody but them: each has a line of its own
(aod/stages/channel.py), and is stopped by a signal through its pidfd.
"""

import gc
import logging
import math
import select
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from aod import log
from aod.audit.daemon import Account
from aod.audit.forked import AuditChildren
from aod.audit.log import Audit
from aod.capture.snapshot import Snapshots
from aod.config import reload
from aod.config.load import ConfigError
from aod.config.reload import Reload
from aod.config.schema import Config
from aod.conservation.watch import Watch
from aod.state import ledger, spool
from aod.state.lock import Lock
from aod.status.workers import Reporter
from aod.supervision import folders, rights
from aod.supervision import teardown as leavings
from aod.supervision.pool import LONGEST_WAIT_SEC, Crew
from aod.supervision.process import stage_run
from aod.supervision.shutdown import Stopping
from aod.supervision.signals import Signals
from aod.systemd import notify
from aod.transport.eventlog import EventLog
from aod.transport.position import ReadPosition

EXIT_CLEAN: Final = 0
EXIT_FAILED: Final = 1


class Supervisor:
    """The daemon of one configuration."""

    def __init__(
        self,
        config: Config,
        without: Iterable[str] = (),
        config_file: Path | None = None,
        simulate_drops: float = 0,
    ):
        """With `simulate_drops`, so many percent of the records are lost on purpose."""
        self.config = config
        self._config_file = config_file
        self.log: logging.Logger = log.ROOT.getChild("supervisor")
        self._signals = Signals()
        self._lock = Lock(config.runtime_dir)
        audit = AuditChildren(Audit(config, self.log), self.log, self._leave_to_parent)
        self.account = Account(audit)
        self.crew = Crew(config, set(without), self.account, self._let_go)
        if simulate_drops:
            self.crew.tell("collect", simulate_drops=simulate_drops)
        self._snapshots = Snapshots(config, self.log)
        self._reporter = Reporter(config.runtime_dir, self.log)
        self._status = ""

    def run(self) -> int:
        """Run the daemon until a signal, or until a worker cannot be kept alive; exit status."""
        self._prepare()
        status, why = self._watch()
        self._drain()
        self.account.stop(why, status)
        # Only now, and not when anything above raised: a death leaves all to the next start.
        leavings.clear(self.config, self.crew.stages, self._lock, self.log)
        return status

    def _prepare(self) -> None:
        event_log = EventLog.writer(self.config.runtime_dir, self.config.event_log_mb)
        ReadPosition.open(self.config.runtime_dir, event_log.position).close()
        folders.share(self.config)
        ledger.begin(self.config.runtime_dir, self.config.state_dir / spool.FOLDER)
        self._sums = Watch(self.config, event_log, self.account, self.log)
        self.account.start(self._config_file, event_log)
        for stage in self.crew.stages:
            stage_run(stage)
        self._signals.catch()
        gc.collect()
        gc.freeze()  # what is here now is never collected, so its pages stay shared

    def _let_go(self) -> None:
        """In a worker: what belongs to the supervisor alone."""
        self._signals.close()
        self._lock.leave_to_parent()

    def _leave_to_parent(self) -> None:
        """In a child that is no worker."""
        self.crew.let_go()
        self._let_go()

    def _watch(self) -> tuple[int, str]:
        """Keep the workers alive; the exit status, and why it is over."""
        self.crew.spawn_all()
        while not self._signals.stops:
            self._wait(self.crew.time_to_next_step())
            self.account.tick(time.monotonic())
            self._sums.tick(time.monotonic())
            self._reporter.tick(self.crew.reports(), time.monotonic())
            if reason := self._signals.snapshot():
                self._snapshots.wish(reason)
            self._snapshots.tick()
            if self._signals.reload():
                self._reload()
                continue  # with the heartbeats that came meanwhile
            self.crew.care()
            if (failed := self.crew.failed) is not None:
                why = self.crew.why_failed(failed)
                self.log.critical("%s", why)
                notify(f"STATUS={why}")
                return EXIT_FAILED, f"{failed.stage} died too often"
            self._tell_systemd()
        return EXIT_CLEAN, self._signals.stop_name

    def _wait(self, timeout_sec: float) -> None:
        """Until a worker ends, beats, a signal comes, or the time is over; then hear them."""
        poller = select.poll()
        for fd in (self._signals.fileno(), *self.crew.fds()):
            poller.register(fd, select.POLLIN)
        poller.poll(max(0, math.ceil(min(timeout_sec, LONGEST_WAIT_SEC) * 1000)))
        self._signals.clear()
        self.crew.hear()

    def _reload(self) -> None:
        """Read the file again; what cannot be used changes nothing."""
        if self._config_file is None:
            return
        if self._status:  # systemd knows us as ready
            notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self._use(reload.read(self._config_file, self.config))
            told = "reloaded"
        except ConfigError as error:
            for line in str(error).splitlines():
                self.log.error("not reloaded, the old configuration stays: %s", line)
            self.account.refuse_reload(str(error))
            told = "not reloaded: the file cannot be used"
        if self._status:
            self._status = told
            notify("READY=1", f"STATUS={told}")

    def _use(self, new: Reload) -> None:
        for warning in new.warnings:
            self.log.warning("%s", warning)
        if new.kept:
            self.log.warning("these change with a restart only: %s", ", ".join(new.kept))
        self.log.info("reloaded: %s", ", ".join(new.changed) or "nothing has changed")
        needs_more = rights.for_capture(new.config) - rights.for_capture(self.config)
        self.config = new.config
        self._snapshots.use(new.config)
        self.account.use(new.config)
        self.account.reload(new.changed, new.kept)
        self.crew.offer(new.config)
        if needs_more:
            self.crew.renew("capture", "its new actions need rights that it has given up")

    def _tell_systemd(self) -> None:
        if not self.crew.is_well:
            return
        status = "; ".join(self.crew.notes()) or "watching"
        if status != self._status:
            if not self._status:
                self.log.info("running; bundles go to %s", self.config.aod_output_dir)
                notify("READY=1")
            notify(f"STATUS={status}")
            self._status = status
        notify("WATCHDOG=1")

    def _drain(self) -> None:
        """Stop the stages, each when it has what the one before it had."""
        notify("STOPPING=1")
        self.log.info("stopping: each stage finishes what it has")
        if self.config.capture.snapshot_on_stop:
            self._snapshots.ask("the daemon stops")
        total_sec = self.config.supervision.drain_timeout_sec
        stopping = Stopping(total_sec, self._wait, lambda: self._signals.stops > 1, self.log)
        stopping.stop_all(self.crew.processes)
        for process in self.crew.processes:
            if process.health is not None:
                self.account.hear(process.health)  # its last words
