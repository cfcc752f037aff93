"""The life of a worker, as a pure state machine, and the policy of bringing it back.

STARTING --ready--> RUNNING --died--> BACKING_OFF --delay over--> STARTING ...
                                          | too many deaths in the window
                                          v
any --stop--> STOPPING --died--> STOPPED  FAILED
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from aod.config import Supervision

DELAY_FACTOR: Final = 2


class WorkerState(Enum):
    """Where a worker is in its life."""

    STARTING = auto()
    RUNNING = auto()
    BACKING_OFF = auto()
    STOPPING = auto()
    STOPPED = auto()
    FAILED = auto()


class WorkerEvent(Enum):
    """What may happen to it."""

    SPAWNED = auto()
    BEAT = auto()
    DIED = auto()
    STOP = auto()


@dataclass(frozen=True)
class Worker:
    """A worker's life so far; times are monotonic seconds."""

    state: WorkerState
    last_beat: float = 0.0
    deaths: tuple[float, ...] = ()
    """Within the policy's window."""
    respawn_at: float = 0.0


def next_state(worker: Worker, event: WorkerEvent, now: float, policy: Supervision) -> Worker:
    """The worker after the event."""
    match event:
        case WorkerEvent.SPAWNED:
            return replace(worker, state=WorkerState.STARTING, last_beat=now)
        case WorkerEvent.BEAT:
            return _beat(worker, now)
        case WorkerEvent.STOP:
            return _stop(worker)
        case WorkerEvent.DIED:
            return _died(worker, now, policy)


def _beat(worker: Worker, now: float) -> Worker:
    if worker.state not in (WorkerState.STARTING, WorkerState.RUNNING):
        return worker
    return replace(worker, state=WorkerState.RUNNING, last_beat=now)


def _stop(worker: Worker) -> Worker:
    alive = (WorkerState.STARTING, WorkerState.RUNNING, WorkerState.STOPPING)
    return replace(
        worker, state=WorkerState.STOPPING if worker.state in alive else WorkerState.STOPPED
    )


def _died(worker: Worker, now: float, policy: Supervision) -> Worker:
    if worker.state in (WorkerState.STOPPING, WorkerState.STOPPED):
        return replace(worker, state=WorkerState.STOPPED)
    deaths = (*(death for death in worker.deaths if now - death < policy.window_sec), now)
    if len(deaths) >= policy.attempts:
        return replace(worker, state=WorkerState.FAILED, deaths=deaths)
    delay = policy.first_delay_sec * DELAY_FACTOR ** (len(deaths) - 1)
    respawn_at = now + min(delay, policy.longest_delay_sec)
    return replace(worker, state=WorkerState.BACKING_OFF, deaths=deaths, respawn_at=respawn_at)


def is_silent(worker: Worker, now: float, policy: Supervision) -> bool:
    """Whether a worker that should beat has not done so for too long."""
    alive = worker.state in (WorkerState.STARTING, WorkerState.RUNNING)
    return alive and now - worker.last_beat > policy.heartbeat_timeout_sec


def is_due(worker: Worker, now: float) -> bool:
    """Whether it is time to bring it back."""
    return worker.state is WorkerState.BACKING_OFF and now >= worker.respawn_at
