"""The supervisor: spawns the stages, watches them, brings them back, and stops them in order.

Workers are forked from this process, which has imported what they share and holds no ZeroMQ context
at that moment: the inbox is closed for a fork and opened again after it. A heartbeat that is lost
meanwhile comes again a second later.
"""

import gc
import logging
import math
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

import zmq

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
from aod.wire import STAGES, SUPERVISOR, Health, Inbox, Outbox, Stop
from aod.workers import Process, close_pidfds, how_it_ended, stage_run

LONGEST_WAIT_SEC: Final = 1.0
DRAIN_SHARES: Final = {"collect": 0.1, "detect": 0.1, "capture": 1.0, "cleanup": 1.0}
"""Of the time for the whole stop: one stage that hangs must not take that of capture."""
EXIT_CLEAN: Final = 0
EXIT_FAILED: Final = 1


class Supervisor:
    """All workers of one configuration."""

    def __init__(
        self, config: Config, without: Iterable[str] = (), config_file: Path | None = None
    ):
        self.config = config
        self._config_file = config_file
        self.log: logging.Logger = log.ROOT.getChild(SUPERVISOR)
        self.processes = [
            Process(name, config.supervision) for name in STAGES if name not in set(without)
        ]
        self.account = Account(Audit(config, self.log))
        self._snapshots = Snapshots(config, self.log)
        self._stop_signals = 0
        self._why_stopped = ""
        self._signal_fd, self._signal_write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._zmq: zmq.Context[zmq.Socket[bytes]] | None = None
        self._inbox: Inbox | None = None
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
            self._close_wire()
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
            self._open_wire()
            self._wait(self._time_to_next_respawn())
            self._hear()
            self.account.tick(time.monotonic())
            self._take_snapshot()
            self._care()
            self._tell_systemd()
            if any(one.worker.state is WorkerState.FAILED for one in self.processes):
                return True
        return False

    # The wire: closed while a worker is forked.

    def _open_wire(self) -> None:
        if self._inbox is None:
            self._zmq = zmq.Context()
            self._inbox = Inbox(self._zmq, self.config.runtime_dir, SUPERVISOR)

    def _close_wire(self) -> None:
        if self._zmq is not None and self._inbox is not None:
            self._inbox.close()
            self._zmq.term()
            self._zmq = self._inbox = None

    def _wait(self, timeout_sec: float) -> None:
        """Until a worker ends, beats, a signal comes, or the time is over."""
        poller = zmq.Poller()
        if self._inbox is not None:
            poller.register(self._inbox.socket, zmq.POLLIN)
        for fd in (self._signal_fd, *(one.pidfd for one in self.processes if one.alive)):
            poller.register(fd, zmq.POLLIN)
        poller.poll(max(0, math.ceil(timeout_sec * 1000)))
        with suppress(BlockingIOError):
            os.read(self._signal_fd, 64)

    # The workers.

    def _spawn(self, process: Process) -> None:
        self._close_wire()
        process.spawn(self.config, self._let_go)
        self.log.debug("%s: started, pid %d", process.stage, process.pid)

    def _let_go(self) -> None:
        """In a child: what belongs to the supervisor alone."""
        close_pidfds(self.processes)
        os.close(self._signal_fd)
        os.close(self._signal_write_fd)

    def _hear(self) -> None:
        """Read the heartbeats."""
        by_pid = {process.pid: process for process in self.processes}
        for message in self._inbox.messages() if self._inbox is not None else ():
            process = by_pid.get(message.pid) if isinstance(message, Health) else None
            if isinstance(message, Health) and process and process.stage == message.stage:
                process.health = message
                self.account.hear(message)
                process.change(WorkerEvent.BEAT)

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

    def _take_snapshot(self) -> None:
        if self._zmq is not None:
            self._snapshots.tick(self._zmq)

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
        self._open_wire()
        if self.config.capture.snapshot_on_stop and self._zmq is not None:
            self._snapshots.ask("the daemon stops", self._zmq)
        total_sec = self.config.supervision.drain_timeout_sec
        end = time.monotonic() + total_sec
        for process in self.processes:
            share_sec = total_sec * DRAIN_SHARES[process.stage]
            self._stop(process, min(end, time.monotonic() + share_sec))

    def _stop(self, process: Process, deadline: float) -> None:
        process.change(WorkerEvent.STOP)
        if not process.alive or self._zmq is None:
            return
        outbox = Outbox(self._zmq, self.config.runtime_dir, process.stage)
        outbox.send(Stop("the supervisor stops"))
        while (code := process.reap()) is None:
            late = time.monotonic() >= deadline or self._stop_signals > 1
            if late and not process.killed:
                self.log.warning("%s: not done in time; ending it", process.stage)
                process.kill()
            self._wait(min(LONGEST_WAIT_SEC, max(0.01, deadline - time.monotonic())))
            self._hear()
        outbox.close()
        if code:
            self.log.warning("%s: %s while stopping", process.stage, how_it_ended(code))
