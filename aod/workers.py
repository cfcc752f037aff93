"""A worker's process: forked, watched by its pidfd, reaped."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module

from aod import log
from aod._native import lib
from aod.config import Config, Supervision
from aod.lifecycle import Worker, WorkerEvent, WorkerState, next_state
from aod.stages.base import Run, run_stage
from aod.wire import Health


def stage_run(stage: str) -> Run:
    """The `run` of a stage's module; imported in the parent, its memory is shared."""
    run: Run = import_module(f"aod.stages.{stage}").run
    return run


class Process:
    """One stage's process over all its lives."""

    def __init__(self, stage: str, policy: Supervision):
        self.stage = stage
        self.worker = Worker(WorkerState.STOPPED)
        self.pid = 0
        self.pidfd = -1
        self.health: Health | None = None
        self.killed = False
        self._policy = policy

    @property
    def alive(self) -> bool:
        return self.pid != 0

    def change(self, event: WorkerEvent) -> None:
        """Something happened to the worker."""
        self.worker = next_state(self.worker, event, time.monotonic(), self._policy)

    def spawn(self, config: Config, in_child: Callable[[], None]) -> None:
        """Fork. `in_child` lets go of what belongs to the parent.

        The caller holds no ZeroMQ context and no thread.
        """
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = self._child(config, parent, in_child)
            except Exception:
                log.ROOT.getChild(self.stage).exception("failed to start")
            finally:  # whatever happened: the parent's stack is not ours to unwind
                os._exit(code)
        self.pid, self.pidfd, self.health = pid, os.pidfd_open(pid), None
        self.killed = False
        self.change(WorkerEvent.SPAWNED)

    def _child(self, config: Config, parent: int, in_child: Callable[[], None]) -> int:
        lib.aod_die_with_parent()
        if os.getppid() != parent:  # it died before that call
            return 1
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        in_child()
        return run_stage(self.stage, stage_run(self.stage), config, supervised=True)

    def reap(self) -> int | None:
        """The exit code of a worker that has ended (negative: the signal), else None."""
        if not self.alive:
            return None
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        os.close(self.pidfd)
        self.pid, self.pidfd = 0, -1
        self.change(WorkerEvent.DIED)
        return os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        """End it now; it owns nothing that matters. One that hangs in the kernel ends later."""
        if self.alive:
            self.killed = True
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)


def close_pidfds(processes: Iterable[Process]) -> None:
    """In a child: the siblings are none of its business."""
    for process in processes:
        if process.pidfd >= 0:
            os.close(process.pidfd)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exited with status {code}"
