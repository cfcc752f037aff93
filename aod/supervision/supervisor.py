"""The supervisor: the main loop of the daemon, from its lock to its exit code.

Workers are forked from this process, which has imported what they share, and has neither a ZeroMQ
context nor a thread. It receives messages from them alone: each has a private channel
(aod/stages/channel.py), and is stopped by a signal through its pidfd."""

import gc
import math
import select
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from aod import log
from aod.audit.daemon import DaemonAudit
from aod.audit.entries import Reloaded, ReloadRefused
from aod.audit.forked import ForkedAudit
from aod.audit.log import AuditLog
from aod.capture.snapshot import Snapshots
from aod.config import reload
from aod.config.load import ConfigError
from aod.config.reload import Reload
from aod.config.schema import Config
from aod.conservation.watch import Watch
from aod.stages.signals import Signals
from aod.state import ledger, spool
from aod.state.lock import Lock
from aod.status.workers import Reporter
from aod.supervision import folders, rights, teardown
from aod.supervision.pool import LONGEST_WAIT_SEC, Pool
from aod.supervision.process import stage_run
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
        """`simulate_drops` percent of the records are lost on purpose."""
        self.config = config
        self._config_file = config_file
        self.logger = log.ROOT.getChild("supervisor")
        self._signals = Signals()
        self._lock = Lock(config.runtime_dir)
        audit_log = AuditLog(config, self.logger)
        self.audit = DaemonAudit(ForkedAudit(audit_log, self.logger, self._close_inherited))
        options = {"collect": {"simulate_drops": simulate_drops}} if simulate_drops else {}
        self.pool = Pool(config, set(without), self.audit, self._close_inherited, options)
        self._snapshots = Snapshots(config, self.logger)
        self._reporter = Reporter(config.runtime_dir, self.logger)
        self._status = ""
        """Last reported to systemd; empty: not ready yet."""

    def run(self) -> int:
        """Run the daemon until a signal, or until a worker cannot be kept alive; exit status."""
        self._prepare()
        status, why = self._watch()
        self._drain()
        self.audit.stop(why, status)
        # Not in a `finally`: where anything above raised, the next start takes over the leftovers.
        teardown.clear(self.config, self.pool.stages, self._lock, self.logger)
        return status

    def _prepare(self) -> None:
        event_log = EventLog.writer(self.config.runtime_dir, self.config.event_log_mb)
        ReadPosition.open(self.config.runtime_dir, event_log.position).close()
        folders.share(self.config)
        ledger.begin(self.config.runtime_dir, self.config.state_dir / spool.FOLDER)
        self._conservation = Watch(self.config, event_log, self.audit, self.logger)
        self.audit.start(self._config_file, event_log)
        for stage in self.pool.stages:
            stage_run(stage)
        self._signals.catch((signal.SIGTERM, signal.SIGINT), (signal.SIGHUP, signal.SIGUSR1))
        gc.collect()
        gc.freeze()  # what exists now is never collected, so its pages stay shared

    def _close_inherited(self) -> None:
        """In a child: close what belongs to the supervisor alone."""
        self.pool.close_inherited()
        self._signals.close()
        self._lock.close_inherited()

    def _watch(self) -> tuple[int, str]:
        """Keep the workers alive; the exit status, and the reason for the shutdown."""
        self.pool.spawn_all()
        while not self._signals.stops:
            self._wait(self.pool.time_to_next_step())
            now = time.monotonic()
            self.audit.tick(now)
            self._conservation.tick(now)
            if self._signals.take(signal.SIGUSR1):
                self._snapshots.wish("SIGUSR1 asked for it")
            self._snapshots.tick()
            if self._signals.take(signal.SIGHUP):
                self._reload()
                continue  # with the heartbeats that came meanwhile
            self.pool.tick()
            if (failure := self.pool.failure()) is not None:
                stage, why = failure
                self.logger.critical("%s", why)
                notify(f"STATUS={why}")
                return EXIT_FAILED, f"{stage} died too often"
            self._notify_systemd()
        return EXIT_CLEAN, self._signals.stop_name

    def _wait(self, timeout_sec: float) -> None:
        """Until a worker sends something or ends, a signal comes, or the time is over; then read
        the heartbeats, and report them for `aod status`."""
        poller = select.poll()
        for fd in (self._signals.fileno(), *self.pool.fds()):
            poller.register(fd, select.POLLIN)
        poller.poll(max(0, math.ceil(min(timeout_sec, LONGEST_WAIT_SEC) * 1000)))
        self._signals.clear()
        self.pool.receive()
        self._reporter.tick(self.pool.reports(), time.monotonic())

    def _reload(self) -> None:
        """Read the file again; one that cannot be used changes nothing."""
        if self._config_file is None:
            return
        if self._status:
            notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self._use(reload.read(self._config_file, self.config))
            outcome = "reloaded"
        except ConfigError as error:
            for line in str(error).splitlines():
                self.logger.error("not reloaded, the old configuration stays: %s", line)
            self.audit.write(ReloadRefused(why=str(error)))
            outcome = "not reloaded: the file cannot be used"
        if self._status:
            self._status = outcome
            notify("READY=1", f"STATUS={outcome}")

    def _use(self, new: Reload) -> None:
        for warning in new.warnings:
            self.logger.warning("%s", warning)
        if new.kept:
            self.logger.warning("restart required for: %s", ", ".join(new.kept))
        self.logger.info("reloaded: %s", ", ".join(new.changed) or "nothing has changed")
        needs_more = rights.for_capture(new.config) - rights.for_capture(self.config)
        self.config = new.config
        self._snapshots.use(new.config)
        self.audit.use(new.config)
        self.audit.write(Reloaded(changed=new.changed, kept=new.kept))
        self.pool.reconfigure(new.config)
        if needs_more:
            self.pool.respawn("capture", "its new actions need rights that it has dropped")

    def _notify_systemd(self) -> None:
        if not self.pool.is_well:
            return
        status = "; ".join(self.pool.notes()) or "watching"
        if status != self._status:
            if not self._status:
                self.logger.info("running; bundles go to %s", self.config.aod_output_dir)
                notify("READY=1")
            notify(f"STATUS={status}")
            self._status = status
        notify("WATCHDOG=1")

    def _drain(self) -> None:
        """Shut down the stages, each when it has what the one before it had."""
        notify("STOPPING=1")
        self.logger.info("stopping: each stage finishes what it has")
        if self.config.capture.snapshot_on_stop:
            self._snapshots.ask("the daemon stops")
        total_sec = self.config.supervision.drain_timeout_sec
        self.pool.stop_all(total_sec, self._wait, lambda: self._signals.stops > 1)
        for process in self.pool.processes:
            if process.health is not None:
                self.audit.receive(process.health)  # its last message
