"""The workers of one daemon: brought up, watched, brought back."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from aod import log
from aod.audit.daemon import Account
from aod.config.schema import Config
from aod.status.workers import WorkerReport
from aod.supervision.lifecycle import Step, WorkerState, next_step, why_given_up
from aod.supervision.process import Process, told
from aod.transport.wire import STAGES

LONGEST_WAIT_SEC: Final = 1.0
_WATCH_SEC: Final = 0.1
"""Between two looks at a worker that hangs: it tells nothing by itself."""


class Crew:
    """The workers.

    Attributes:
        config: what the next worker is born with.
    """

    def __init__(
        self,
        config: Config,
        without: Iterable[str],
        account: Account,
        in_child: Callable[[], None],
    ) -> None:
        """`in_child` lets go of what belongs to the supervisor alone."""
        self.config = config
        self._policy = config.supervision
        self.processes = [Process(name, self._policy) for name in STAGES if name not in without]
        self._account = account
        self._in_child = in_child
        self._log: logging.Logger = log.ROOT.getChild("supervisor")

    @property
    def stages(self) -> list[str]:
        return [one.stage for one in self.processes]

    @property
    def failed(self) -> Process | None:
        """A worker that cannot be kept alive."""
        found = (one for one in self.processes if one.worker.state is WorkerState.FAILED)
        return next(found, None)

    @property
    def is_well(self) -> bool:
        """Whether all of them run."""
        return all(one.worker.state is WorkerState.RUNNING for one in self.processes)

    def notes(self) -> list[str]:
        """What they say of themselves, each once."""
        return sorted({one.health.note for one in self.processes if one.health} - {""})

    def reports(self) -> tuple[WorkerReport, ...]:
        """How it stands with each, for `aod status`."""
        return tuple(self._report(one) for one in self.processes)

    def _report(self, one: Process) -> WorkerReport:
        health = one.health
        return WorkerReport(
            stage=one.stage,
            state=one.worker.state.name.lower().replace("_", "-"),
            pid=one.pid,
            says=health.state if health else "",
            note=health.note if health else "",
            beat_ns=int(one.worker.last_beat * 1e9),
            restarts=self._account.restarts[one.stage],
            last_end=self._account.last_end.get(one.stage, ""),
            counters=dict(health.counters) if health else {},
        )

    def tell(self, stage: str, **options: float) -> None:
        """What a stage is told beside the configuration, in each of its lives."""
        for process in self.processes:
            if process.stage == stage:
                process.options.update(options)

    def fds(self) -> list[int]:
        """Readable when one says something, or ends."""
        return [fd for one in self.processes for fd in one.poll_fds()]

    def spawn_all(self) -> None:
        for process in self.processes:
            self._spawn(process)

    def hear(self) -> None:
        """Read the heartbeats."""
        for process in self.processes:
            if (health := process.hear()) is not None:
                self._account.hear(health)

    def care(self) -> None:
        """Reap the dead, end the silent, bring back those whose time has come."""
        for process in self.processes:
            if process.reap():
                self._say_death(process)
            self._take_step(process, next_step(process.worker, time.monotonic(), self._policy))
            if process.line is not None:
                process.line.flush()

    def _take_step(self, process: Process, step: Step) -> None:
        match step:
            case Step.SPAWN:
                self._spawn(process)
            case Step.ASK:
                self._log.error("%s: alive but silent; where it hangs:", process.stage)
                process.ask_where()
            case Step.KILL:
                self._log.error("%s: ending it, for it is silent", process.stage)
                process.kill()
            case Step.BURY:
                pid = process.pid
                process.bury()
                self._log.error("%s: pid %d stays, dead but for the kernel", process.stage, pid)
                self._say_death(process)

    def offer(self, config: Config) -> None:
        """Go on with a new configuration: those that live get it, and those that will."""
        self.config, self._policy = config, config.supervision
        for process in self.processes:
            process.policy = config.supervision
            if process.line is not None:
                process.line.offer(config)

    def renew(self, stage: str, why: str) -> None:
        """Have a worker end, and be born again with the configuration of now."""
        for process in self.processes:
            if process.stage == stage and process.alive:
                self._log.info("%s: begins anew: %s", stage, why)
                process.ask_to_end(self.config.supervision.drain_timeout_sec)

    def time_to_next_step(self) -> float:
        """Seconds until something is due that nobody tells."""
        states = [one.worker.state for one in self.processes]
        if WorkerState.HANGING in states or WorkerState.KILLED in states:
            return _WATCH_SEC
        due = [
            one.worker.respawn_at
            for one in self.processes
            if one.worker.state is WorkerState.BACKING_OFF
        ]
        return min([LONGEST_WAIT_SEC, *(at - time.monotonic() for at in due)])

    def _spawn(self, process: Process) -> None:
        process.spawn(self.config, self._in_worker)
        if process.alive:
            self._log.debug("%s: started, pid %d", process.stage, process.pid)
        else:
            self._say_death(process)

    def let_go(self) -> None:
        """In a child: the others are none of its business."""
        for process in self.processes:
            process.let_go()

    def _in_worker(self) -> None:
        self.let_go()
        self._in_child()

    def _say_death(self, process: Process) -> None:
        how = told(process)
        if process.worker.state is WorkerState.FAILED:
            self._account.give_up(process.stage, how)
            return
        delay_sec = max(0.0, process.worker.respawn_at - time.monotonic())
        self._log.warning("%s: %s; back in %.1f s", process.stage, how, delay_sec)
        self._account.respawn(process.stage, how, process.worker.respawn_at)

    def why_failed(self, process: Process) -> str:
        """The daemon's last words about the worker that made it give up."""
        why = why_given_up(process.worker, self._policy)
        return f"{process.stage}: {told(process)}; given up, for {why}"
