"""A worker's process: forked, watched by its pidfd, heard over its line, reaped."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Final

from aod import log
from aod._native import lib
from aod.config.schema import Config, Supervision
from aod.host import privileges
from aod.stages.base import ASK_WHERE, Run, run_stage, why
from aod.stages.channel import SupervisorEnd, WorkerEnd
from aod.supervision import rights
from aod.supervision.lifecycle import Worker, WorkerEvent, next_state
from aod.transport.wire import Health

_SUPERVISORS_OWN: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
"""Signals that are no business of a worker's, though a terminal or systemd may send them to all."""


def stage_run(stage: str) -> Run:
    """The `run` of a stage's module; imported in the parent, its memory is shared."""
    run: Run = import_module(f"aod.stages.{stage}").run
    return run


class Process:
    """One stage's process over all its lives."""

    def __init__(self, stage: str, policy: Supervision):
        self.stage = stage
        self.worker = Worker()
        self.pid = 0
        self.pidfd = -1
        self.line: SupervisorEnd | None = None
        self._buried: list[tuple[int, int]] = []
        """pid and pidfd of those that were killed and did not die: the kernel holds them."""
        self.health: Health | None = None
        """Its last heartbeat; of the last life, while there is none."""
        self.killed = False
        self.options: dict[str, float] = {}
        """What its stage is told beside the configuration: of the command line, for this run."""
        self.policy = policy
        self.exit_code: int | None = None
        """Of the last life; negative: the signal that ended it. None: it lives, or was buried."""
        self.unborn = ""
        """Why there is none: the host had no process or memory left for it."""

    @property
    def alive(self) -> bool:
        return self.pid != 0

    def change(self, event: WorkerEvent) -> None:
        """Something happened to the worker."""
        self.worker = next_state(self.worker, event, time.monotonic(), self.policy)

    def spawn(self, config: Config, in_child: Callable[[], None]) -> None:
        """Fork. `in_child` lets go of what belongs to the parent.

        The caller holds no ZeroMQ context and no thread. Its signals are blocked meanwhile, so that
        its handlers never run in the child; SIGTERM until the stage has one of its own. A host that
        has no room for one more process makes this a failed start.
        """
        sys.stderr.flush()
        self.health, self.killed, self.exit_code, self.unborn = None, False, None, ""
        self.change(WorkerEvent.SPAWNED)
        try:
            self._fork(config, in_child)
        except OSError as error:
            self.unborn = str(error)
            self.change(WorkerEvent.DIED)

    def _fork(self, config: Config, in_child: Callable[[], None]) -> None:
        parent = os.getpid()
        ours, theirs = SupervisorEnd.pair()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, *_SUPERVISORS_OWN))
        try:
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    ours.close()
                    code = self._child(config, parent, in_child, theirs)
                finally:  # whatever happened: the parent's stack is not ours to unwind
                    os._exit(code)
            self.pidfd = _pidfd(pid)
        except OSError:
            ours.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            theirs.close()
        self.pid, self.line = pid, ours

    def _child(
        self, config: Config, parent: int, in_child: Callable[[], None], line: WorkerEnd
    ) -> int:
        if not _dies_with(parent):
            return 1
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for number in _SUPERVISORS_OWN:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SUPERVISORS_OWN)
        try:
            in_child()
            stage_log = log.ROOT.getChild(self.stage)
            privileges.drop(rights.for_stage(self.stage, config), stage_log)
            if not _dies_with(parent):  # again: a change of user cancels it
                return 1
            run = partial(stage_run(self.stage), **self.options)
            return run_stage(self.stage, run, config, line)
        except Exception as error:
            log.ROOT.getChild(self.stage).exception("failed to start")
            line.tell(Health(self.stage, os.getpid(), "failed", {}, why(error)))
            return 1

    def hear(self) -> Health | None:
        """Read its heartbeats; the last one, if any came."""
        heard = [] if self.line is None else self.line.hear()
        ours = [one for one in heard if (one.stage, one.pid) == (self.stage, self.pid)]
        if not ours:
            return None
        self.health = ours[-1]
        if self.health.state != "failed":
            self.change(WorkerEvent.BEAT)
        return self.health

    def terminate(self, within_sec: float) -> None:
        """Tell it to finish what it has, and to exit for good."""
        self.ask_to_end(within_sec)
        self.change(WorkerEvent.STOP)

    def ask_to_end(self, within_sec: float) -> None:
        """Tell it to finish what it has; it is brought back."""
        if self.line is not None:
            self.line.stop_within(within_sec)
        self._send(signal.SIGTERM)

    def reap(self) -> bool:
        """Whether it has just ended."""
        self._reap_buried()
        if not self.alive:
            return False
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.hear()  # its last words
        self.let_go()
        self.pid = 0
        self.change(WorkerEvent.DIED)
        self.exit_code = os.waitstatus_to_exitcode(status)
        return True

    def _reap_buried(self) -> None:
        for pid, pidfd in self._buried[:]:
            if os.waitpid(pid, os.WNOHANG)[0]:
                os.close(pidfd)
                self._buried.remove((pid, pidfd))

    def ask_where(self) -> None:
        """Have it write to the log where it hangs."""
        self._send(ASK_WHERE)
        self.change(WorkerEvent.SILENT)

    def kill(self) -> None:
        """End it now; it owns nothing that matters."""
        self.killed = self.alive
        self._send(signal.SIGKILL)
        self.change(WorkerEvent.KILLED)

    def bury(self) -> None:
        """Go on without it: it was killed, but the kernel does not let it go.

        It will never run again, only end: a successor beside it does no harm.
        """
        self._buried.append((self.pid, os.dup(self.pidfd)))
        self.let_go()
        self.pid = 0
        self.change(WorkerEvent.DIED)

    def _send(self, number: signal.Signals) -> None:
        if self.alive:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    def poll_fds(self) -> list[int]:
        """Readable when it said something, or ended."""
        line = [self.line.fileno()] if self.line is not None and self.line.is_open else []
        return [self.pidfd, *line] if self.alive else []

    def let_go(self) -> None:
        """Close what we have of it; in a child, the siblings are none of its business."""
        if self.pidfd >= 0:
            os.close(self.pidfd)
        if self.line is not None:
            self.line.close()
        self.pidfd, self.line = -1, None


def _pidfd(pid: int) -> int:
    """Of a child of ours; one that could not be watched is ended."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def _dies_with(parent: int) -> bool:
    """Whether it still can: not where the parent died before this call."""
    lib.aod_die_with_parent()
    return os.getppid() == parent


def told(process: Process) -> str:
    """How its last life ended, and what the worker said of it."""
    if process.unborn:
        return f"could not be started ({process.unborn})"
    code, health = process.exit_code, process.health
    how = "killed, but held by the kernel" if code is None else how_it_ended(code)
    if process.killed:
        how += ", for it was silent"
    return f"{how} ({health.note})" if health and health.state == "failed" else how


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exited with status {code}"
