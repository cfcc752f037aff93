"""The workers of one daemon: spawned, watched, respawned; shut down in the order of the data, so
that nothing is cut off.

A stage that does not end in its time is killed; the next start finds what it had left to do."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from aod import log
from aod.audit.daemon import DaemonAudit
from aod.audit.entries import StageFailed
from aod.config.schema import Config
from aod.status.workers import WorkerReport
from aod.supervision.lifecycle import Step, WorkerState, next_step, why_given_up
from aod.supervision.process import Process, how_it_ended
from aod.transport.wire import STAGES

LONGEST_WAIT_SEC: Final = 1.0
_WATCH_SEC: Final = 0.1
"""Between two looks at a worker that hangs: it sends nothing."""
LEAST_SHARES: Final = {"detect": 0.1, "capture": 0.5, "cleanup": 0.05}
"""The share of the time for a shutdown that is kept for a stage. Those before it may use up the
rest: what collect does not read in time is lost, what capture does not seal is not."""
_KILL_SEC: Final = 1.0
"""For a killed worker to be gone; it takes longer only while the kernel holds it."""


def budget_sec(total_sec: float, left_sec: float, behind: Sequence[str]) -> float:
    """The time for a stage when `left_sec` of `total_sec` is left, with these stages to follow."""
    reserved = total_sec * sum(LEAST_SHARES[stage] for stage in behind)
    least = total_sec * min(LEAST_SHARES.values())
    return max(least, left_sec - reserved)


class Pool:
    """The workers."""

    def __init__(
        self,
        config: Config,
        without: Iterable[str],
        audit: DaemonAudit,
        close_inherited: Callable[[], None],
        options: Mapping[str, dict[str, float]],
    ) -> None:
        """`close_inherited` closes in a worker what belongs to the supervisor, this pool too.
        `options`: by stage, keyword arguments of its `run`, from the command line."""
        self._config = config
        self.processes = [
            Process(name, config.supervision, options.get(name, {}))
            for name in STAGES
            if name not in without
        ]
        self._audit = audit
        self._close_in_worker = close_inherited
        self._logger = log.ROOT.getChild("supervisor")

    @property
    def stages(self) -> list[str]:
        return [one.stage for one in self.processes]

    def failure(self) -> tuple[str, str] | None:
        """The stage whose worker cannot be kept alive, and why the daemon gives up; for the log."""
        for one in self._in(WorkerState.FAILED):
            why = why_given_up(one.worker, one.policy)
            return one.stage, f"{one.stage}: {one.last_end}; giving up: {why}"
        return None

    @property
    def is_well(self) -> bool:
        """Whether all of them run."""
        return self._in(WorkerState.RUNNING) == self.processes

    def _in(self, *states: WorkerState) -> list[Process]:
        return [one for one in self.processes if one.worker.state in states]

    def notes(self) -> list[str]:
        """The notes of their heartbeats, each once."""
        return sorted({one.health.note for one in self.processes if one.health} - {""})

    def reports(self) -> tuple[WorkerReport, ...]:
        """The state of each, for `aod status`."""
        return tuple(
            WorkerReport(
                stage=one.stage,
                state=one.worker.state.name.lower().replace("_", "-"),
                pid=one.pid,
                health=one.health.state if one.health else "",
                note=one.health.note if one.health else "",
                heartbeat_ns=int(one.worker.last_heartbeat * 1e9),
                restarts=self._audit.respawns[one.stage],
                last_end=self._audit.last_end.get(one.stage, ""),
                counters=dict(one.health.counters) if one.health else {},
            )
            for one in self.processes
        )

    def fds(self) -> list[int]:
        """Readable when a worker sent something, or ended."""
        return [fd for one in self.processes for fd in one.poll_fds()]

    def spawn_all(self) -> None:
        for process in self.processes:
            self._spawn(process)

    def receive(self) -> None:
        """Read the heartbeats."""
        for process in self.processes:
            if (health := process.receive()) is not None:
                self._audit.receive(health)

    def tick(self) -> None:
        """Reap the dead, kill the silent, respawn those whose delay is over."""
        for process in self.processes:
            if process.reap():
                self._report_death(process)
            match next_step(process.worker, time.monotonic(), process.policy):
                case Step.SPAWN:
                    self._spawn(process)
                case Step.DUMP_STACKS:
                    self._logger.error("%s: alive but silent; it hangs here:", process.stage)
                    process.dump_stacks()
                case Step.KILL:
                    self._logger.error("%s: silent, killing it", process.stage)
                    process.kill()
                case Step.ABANDON:
                    text = "%s: pid %d killed, but held by the kernel"
                    self._logger.error(text, process.stage, process.pid)
                    process.abandon()
                    self._report_death(process)
            if process.channel is not None:
                process.channel.flush()

    def reconfigure(self, config: Config) -> None:
        """Use a new configuration, in those that run and in those that will be spawned."""
        self._config = config
        for process in self.processes:
            process.policy = config.supervision
            if process.channel is not None:
                process.channel.offer(config)

    def respawn(self, stage: str, why: str) -> None:
        """Have a worker exit, and spawn it again with the present configuration."""
        for process in self.processes:
            if process.stage == stage and process.alive:
                self._logger.info("%s: restarting: %s", stage, why)
                process.request_exit(self._config.supervision.drain_timeout_sec)

    def time_to_next_step(self) -> float:
        """Seconds until something is due that no descriptor announces."""
        if self._in(WorkerState.HANGING, WorkerState.KILLED):
            return _WATCH_SEC
        due = [one.worker.respawn_at for one in self._in(WorkerState.BACKING_OFF)]
        return min([LONGEST_WAIT_SEC, *(at - time.monotonic() for at in due)])

    def _spawn(self, process: Process) -> None:
        process.spawn(self._config, self._close_in_worker)
        if process.alive:
            self._logger.debug("%s: started, pid %d", process.stage, process.pid)
        else:
            self._report_death(process)

    def close_inherited(self) -> None:
        """In a forked child: close the descriptors of the workers."""
        for process in self.processes:
            process.close_inherited()

    def _report_death(self, process: Process) -> None:
        how = process.last_end
        if process.worker.state is WorkerState.FAILED:
            self._audit.write(StageFailed(stage=process.stage, how=how))
            return
        delay_sec = max(0.0, process.worker.respawn_at - time.monotonic())
        self._logger.warning("%s: %s; respawning in %.1f s", process.stage, how, delay_sec)
        self._audit.respawned(process.stage, how, process.worker.respawn_at)

    def stop_all(
        self, total_sec: float, wait: Callable[[float], None], is_urgent: Callable[[], bool]
    ) -> None:
        """Stop the workers, the first one first.

        `wait` reads their channels for that many seconds at most; `is_urgent` says whether to kill
        at once."""
        end = time.monotonic() + total_sec
        for at, process in enumerate(self.processes):
            seconds = budget_sec(total_sec, end - time.monotonic(), self.stages[at + 1 :])
            process.terminate(seconds)
            if not _has_ended(process, seconds, wait, is_urgent):
                self._logger.warning("%s: not done in time, killing it", process.stage)
                process.kill()
                if not _has_ended(process, _KILL_SEC, wait, lambda: False):
                    text = "%s: pid %d killed, but held by the kernel"
                    self._logger.error(text, process.stage, process.pid)
                    process.abandon()
            if process.exit_code:
                how = how_it_ended(process.exit_code)
                self._logger.warning("%s: %s during shutdown", process.stage, how)


def _has_ended(
    process: Process, seconds: float, wait: Callable[[float], None], give_up: Callable[[], bool]
) -> bool:
    deadline = time.monotonic() + seconds
    while process.alive and not process.reap():
        left_sec = deadline - time.monotonic()
        if left_sec <= 0 or give_up():
            return False
        wait(left_sec)
    return True
