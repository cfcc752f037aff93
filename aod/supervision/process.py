"""A worker's process: forked, watched by its pidfd, connected by its channel, reaped."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module

from aod import log
from aod._native import lib
from aod.config.schema import Config, Supervision
from aod.host import privileges
from aod.stages.base import DUMP_STACKS, FOR_SUPERVISOR, Run, report_failure, run_stage
from aod.stages.channel import SupervisorEnd, WorkerEnd
from aod.supervision import rights
from aod.supervision.lifecycle import Worker, WorkerEvent, next_state
from aod.transport.wire import Health


def stage_run(stage: str) -> Run:
    """The `run` of a stage's module; imported in the parent, its memory is shared."""
    run: Run = import_module(f"aod.stages.{stage}").run
    return run


@dataclass(eq=False)
class Process:
    """The process of one stage, over all respawns."""

    stage: str
    policy: Supervision
    options: dict[str, float] = field(default_factory=dict)
    """Keyword arguments of the stage's `run`."""
    worker: Worker = field(default_factory=Worker)
    pid: int = 0
    """0 while there is none."""
    pidfd: int = -1
    channel: SupervisorEnd | None = None
    health: Health | None = None
    """The last heartbeat; after a death, that of the process that died."""
    killed: bool = False
    exit_code: int | None = None
    """Of the last process; negative: the signal that ended it. None: it lives, or was abandoned."""
    spawn_error: str = ""
    """Why the last fork failed; empty: it did not."""
    _abandoned: list[tuple[int, int]] = field(default_factory=list)
    """pid and pidfd of processes that were killed and did not die."""

    @property
    def alive(self) -> bool:
        return self.pid != 0

    def change(self, event: WorkerEvent) -> None:
        """Record what happened to the worker."""
        self.worker = next_state(self.worker, event, time.monotonic(), self.policy)

    def spawn(self, config: Config, close_inherited: Callable[[], None]) -> None:
        """Fork. `close_inherited` closes in the child what belongs to the supervisor.

        The caller has neither a ZeroMQ context nor a thread. Signals are blocked meanwhile, so that
        the caller's handlers never run in the child; they stay so until the stage has its own. A
        fork that fails counts as a failed start."""
        sys.stderr.flush()
        self.health, self.killed, self.exit_code, self.spawn_error = None, False, None, ""
        self.change(WorkerEvent.SPAWNED)
        try:
            self._fork(config, close_inherited)
        except OSError as error:
            self.spawn_error = str(error)
            self.change(WorkerEvent.DIED)

    def _fork(self, config: Config, close_inherited: Callable[[], None]) -> None:
        parent = os.getpid()
        ours, theirs = SupervisorEnd.pair()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, *FOR_SUPERVISOR))
        try:
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    ours.close()
                    code = self._child(config, parent, close_inherited, theirs)
                finally:  # never unwind the stack of the parent
                    os._exit(code)
            self.pidfd = _pidfd(pid)
        except OSError:
            ours.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            theirs.close()
        self.pid, self.channel = pid, ours

    def _child(
        self, config: Config, parent: int, close_inherited: Callable[[], None], channel: WorkerEnd
    ) -> int:
        if not _dies_with(parent):
            return 1
        try:
            close_inherited()
            logger = log.ROOT.getChild(self.stage)
            privileges.drop(rights.for_stage(self.stage, config), logger)
            if not _dies_with(parent):  # again: a change of user cancels it
                return 1
            run = partial(stage_run(self.stage), **self.options)
            return run_stage(self.stage, run, config, channel)
        except Exception as error:
            return report_failure(self.stage, error, channel)

    def receive(self) -> Health | None:
        """Read the heartbeats; the last one, if any came."""
        received = [] if self.channel is None else self.channel.receive()
        ours = [one for one in received if (one.stage, one.pid) == (self.stage, self.pid)]
        if not ours:
            return None
        self.health = ours[-1]
        if self.health.state != "failed":
            self.change(WorkerEvent.HEARTBEAT)
        return self.health

    def terminate(self, within_sec: float) -> None:
        """Have it finish the pending work and exit for good."""
        self.request_exit(within_sec)
        self.change(WorkerEvent.STOP)

    def request_exit(self, within_sec: float) -> None:
        """Have it finish the pending work and exit; it is respawned."""
        if self.channel is not None:
            self.channel.stop_within(within_sec)
        self._signal(signal.SIGTERM)

    def reap(self) -> bool:
        """Whether it has just ended."""
        for pid, pidfd in self._abandoned[:]:
            if os.waitpid(pid, os.WNOHANG)[0]:
                os.close(pidfd)
                self._abandoned.remove((pid, pidfd))
        if not self.alive:
            return False
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.receive()  # its last message
        self._forget()
        self.exit_code = os.waitstatus_to_exitcode(status)
        return True

    def dump_stacks(self) -> None:
        """Have a silent worker log where it hangs."""
        self._signal(DUMP_STACKS)
        self.change(WorkerEvent.SILENT)

    def kill(self) -> None:
        """End it now; it holds nothing that a respawned worker cannot find again."""
        self.killed = self.alive
        self._signal(signal.SIGKILL)
        self.change(WorkerEvent.KILLED)

    def abandon(self) -> None:
        """Respawn beside it: it was killed, but hangs in the kernel.

        It will never run again, only end, so another process beside it does no harm."""
        self._abandoned.append((self.pid, os.dup(self.pidfd)))
        self._forget()

    def _forget(self) -> None:
        self.close_inherited()
        self.pid = 0
        self.change(WorkerEvent.DIED)

    def _signal(self, number: signal.Signals) -> None:
        if self.alive:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    def poll_fds(self) -> list[int]:
        """Readable when it sent something, or ended."""
        fds = [self.pidfd] if self.alive else []
        if self.channel is not None and self.channel.is_open:
            fds.append(self.channel.fileno())
        return fds

    def close_inherited(self) -> None:
        """Close the descriptors that belong to it; in a forked child, those of its siblings."""
        if self.pidfd >= 0:
            os.close(self.pidfd)
        if self.channel is not None:
            self.channel.close()
        self.pidfd, self.channel = -1, None

    @property
    def last_end(self) -> str:
        """How the last process ended, with the reason that it reported."""
        if self.spawn_error:
            return f"could not be started ({self.spawn_error})"
        code, health = self.exit_code, self.health
        how = "killed, but held by the kernel" if code is None else how_it_ended(code)
        if self.killed:
            how += " because it was silent"
        return f"{how} ({health.note})" if health and health.state == "failed" else how


def _pidfd(pid: int) -> int:
    """Of a child of ours; one that cannot be watched is ended."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def _dies_with(parent: int) -> bool:
    """Die with the parent; False if it is dead already."""
    lib.aod_die_with_parent()
    return os.getppid() == parent


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with status {code}"
