"""The supervisor: spawns the stages, watches them, brings them back, and stops them in order.

Workers are forked from this process, which has imported what they share, and holds neither a ZeroMQ
context nor a thread. It listens to nobody but them: each has a line of its own (aod/line.py), and
is stopped by a signal through its pidfd.
"""

import gc
import logging
import math
import os
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

from aod import folders, log, tracer
from aod.account import Account
from aod.actions import orphans
from aod.audit import Audit
from aod.config import Config
from aod.eventlog import EventLog, ReadPosition
from aod.lifecycle import WorkerEvent, WorkerState, is_due, is_silent
from aod.recorders import recorders
from aod.sdnotify import notify
from aod.snapshot import Snapshots
from aod.wire import STAGES
from aod.workers import Process, how_it_ended, stage_run

LONGEST_WAIT_SEC: Final = 1.0
DRAIN_SHARES: Final = {"collect": 0.1, "detect": 0.1, "capture": 1.0, "cleanup": 1.0}
"""Of the time for the whole stop: one stage that hangs must not take that of capture."""
EXIT_CLEAN: Final = 0
EXIT_FAILED: Final = 1


class Supervisor:
    """All workers of one configuration."""

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
        self.processes = [
            Process(name, config.supervision) for name in STAGES if name not in set(without)
        ]
        for one in self.processes:
            if one.stage == "collect" and simulate_drops:
                one.options["simulate_drops"] = simulate_drops
        self.account = Account(Audit(config, self.log))
        self._snapshots = Snapshots(config, self.log)
        self._stop_signals = 0
        self._why_stopped = ""
        self._signal_fd, self._signal_write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._status = ""

    def run(self) -> int:
        """Run the daemon until a signal, or until a worker cannot be kept alive; exit status."""
        lock = folders.Lock(self.config.runtime_dir)
        self._prepare()
        status = EXIT_FAILED
        try:
            failed = self._watch()
            self._drain()
            status = EXIT_FAILED if failed else EXIT_CLEAN
        finally:
            self.account.stop(self._why_stopped or "failed", status)
            if any(one.stage == "collect" for one in self.processes):
                tracer.remove(
                    self.config.pin_dir
                )  # where collect had to be ended, it is still there
            if any(one.stage == "capture" for one in self.processes):
                recorders.clear(self.config, self.log)  # the same with capture
                orphans.end()
            folders.clear_runtime(self.config.runtime_dir, lock)
        return status

    def _prepare(self) -> None:
        event_log = EventLog.writer(self.config.runtime_dir, self.config.event_log_mb)
        ReadPosition.open(self.config.runtime_dir, event_log.position)
        folders.share(self.config)
        self.account.start(self._config_file, event_log)
        for process in self.processes:
            stage_run(process.stage)
        signal.set_wakeup_fd(self._signal_write_fd, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop_signal)
        signal.signal(signal.SIGUSR1, self._on_snapshot_signal)
        gc.collect()
        gc.freeze()  # what is here now is never collected, so its pages stay shared

    def _on_stop_signal(self, number: int, _frame: FrameType | None) -> None:
        self._stop_signals += 1
        self._why_stopped = self._why_stopped or signal.Signals(number).name

    def _on_snapshot_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._snapshots.wish("SIGUSR1 asked for it")

    def _watch(self) -> bool:
        """Keep the workers alive; True when one of them has failed for good."""
        for process in self.processes:
            self._spawn(process)
        while not self._stop_signals:
            self._wait(self._time_to_next_respawn())
            self._hear()
            self.account.tick(time.monotonic())
            self._snapshots.tick()
            self._care()
            self._tell_systemd()
            if any(one.worker.state is WorkerState.FAILED for one in self.processes):
                return True
        return False

    def _wait(self, timeout_sec: float) -> None:
        """Until a worker ends, beats, a signal comes, or the time is over."""
        poller = select.poll()
        for fd in (self._signal_fd, *(fd for one in self.processes for fd in one.poll_fds())):
            poller.register(fd, select.POLLIN)
        poller.poll(max(0, math.ceil(timeout_sec * 1000)))
        with suppress(BlockingIOError):
            os.read(self._signal_fd, 64)

    # The workers.

    def _spawn(self, process: Process) -> None:
        process.spawn(self.config, self._let_go)
        self.log.debug("%s: started, pid %d", process.stage, process.pid)

    def _let_go(self) -> None:
        """In a child: what belongs to the supervisor alone."""
        for process in self.processes:
            process.let_go()
        os.close(self._signal_fd)
        os.close(self._signal_write_fd)

    def _hear(self) -> None:
        """Read the heartbeats."""
        for process in self.processes:
            if (health := process.hear()) is not None:
                self.account.hear(health)

    def _care(self) -> None:
        """Reap the dead, end the silent, bring back those whose time has come."""
        now = time.monotonic()
        for process in self.processes:
            code = process.reap()
            if code is not None:
                self._say_death(process, code)
            if is_silent(process.worker, now, self.config.supervision) and not process.killed:
                self.log.error("%s: alive but silent; ending it", process.stage)
                process.kill()
            if is_due(process.worker, now):
                self._spawn(process)

    def _say_death(self, process: Process, code: int) -> None:
        how = f"{how_it_ended(code)}{', for it was silent' if process.killed else ''}"
        if process.worker.state is WorkerState.FAILED:
            self._why_stopped = f"{process.stage} died too often"
            self.account.give_up(process.stage, how)
            policy = self.config.supervision
            self.log.critical(
                "%s: %s; given up, for it died %d times within %g s",
                process.stage,
                how,
                policy.attempts,
                policy.window_sec,
            )
            return
        delay_sec = max(0.0, process.worker.respawn_at - time.monotonic())
        self.log.warning("%s: %s; back in %.1f s", process.stage, how, delay_sec)
        self.account.respawn(process.stage, how, process.worker.respawn_at)

    def _time_to_next_respawn(self) -> float:
        due = [
            one.worker.respawn_at
            for one in self.processes
            if one.worker.state is WorkerState.BACKING_OFF
        ]
        return min([LONGEST_WAIT_SEC, *(at - time.monotonic() for at in due)])

    # Saying how it goes.

    def _tell_systemd(self) -> None:
        if not all(one.worker.state is WorkerState.RUNNING for one in self.processes):
            return
        notes = sorted({one.health.note for one in self.processes if one.health} - {""})
        status = "; ".join(notes) or "watching"
        if status != self._status:
            if not self._status:
                self.log.info("running; bundles go to %s", self.config.aod_output_dir)
                notify("READY=1")
            notify(f"STATUS={status}")
            self._status = status
        notify("WATCHDOG=1")

    # The end.

    def _drain(self) -> None:
        """Stop the stages in the order of the data, so that each gets all that the last one had."""
        notify("STOPPING=1")
        self.log.info("stopping: each stage finishes what it has")
        if self.config.capture.snapshot_on_stop:
            self._snapshots.ask("the daemon stops")
        total_sec = self.config.supervision.drain_timeout_sec
        end = time.monotonic() + total_sec
        for process in self.processes:
            share_sec = total_sec * DRAIN_SHARES[process.stage]
            self._stop(process, min(end, time.monotonic() + share_sec))

    def _stop(self, process: Process, deadline: float) -> None:
        process.change(WorkerEvent.STOP)
        process.terminate()
        code = None
        while process.alive and (code := process.reap()) is None:
            late = time.monotonic() >= deadline or self._stop_signals > 1
            if late and not process.killed:
                self.log.warning("%s: not done in time; ending it", process.stage)
                process.kill()
            self._wait(min(LONGEST_WAIT_SEC, max(0.01, deadline - time.monotonic())))
            self._hear()
        if code:
            self.log.warning("%s: %s while stopping", process.stage, how_it_ended(code))
