"""When a worker is respawned, killed or given up: a pure state machine.

NEW --spawned--> STARTING --heartbeat--> RUNNING --died--> BACKING_OFF --spawned--> STARTING ...
                             silent |  ^ heartbeat      died |  too often |
                                    v  |                     |            v
                                  HANGING --killed--> KILLED-+         FAILED
any --stop--> STOPPING --died--> STOPPED

A worker that dies before its first heartbeat did not start; how often that may happen in a row does
not depend on how long it takes. Of a worker that ran, only deaths within the window count."""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from aod.config.schema import Supervision

DELAY_FACTOR: Final = 2
STACKS_SEC: Final = 1.0
"""Between the signal that makes a silent worker log its stacks, and the one that kills it."""
DEATH_SEC: Final = 5.0
"""A worker that exists so long after SIGKILL hangs in the kernel."""


class WorkerState(Enum):
    """The state of a worker."""

    NEW = auto()
    STARTING = auto()
    RUNNING = auto()
    HANGING = auto()
    """Silent for too long; it was made to log its stacks."""
    KILLED = auto()
    """Not reaped yet."""
    BACKING_OFF = auto()
    STOPPING = auto()
    STOPPED = auto()
    FAILED = auto()


class WorkerEvent(Enum):
    """What may happen to a worker."""

    SPAWNED = auto()
    HEARTBEAT = auto()
    SILENT = auto()
    KILLED = auto()
    DIED = auto()
    """Or was abandoned."""
    STOP = auto()


class Step(Enum):
    """What the supervisor has to do for a worker."""

    NOTHING = auto()
    SPAWN = auto()
    DUMP_STACKS = auto()
    KILL = auto()
    ABANDON = auto()
    """Go on as if it had died: the kernel does not let it end."""


@dataclass(frozen=True)
class Worker:
    """The history of a worker; times are monotonic seconds."""

    state: WorkerState = WorkerState.NEW
    last_heartbeat: float = 0.0
    since: float = 0.0
    """When HANGING or KILLED began."""
    ran_at: float | None = None
    """The first heartbeat of this process."""
    failed_starts: int = 0
    """In a row; a process that runs for the whole window ends the row."""
    deaths: tuple[float, ...] = ()
    """Within the policy's window."""
    respawn_at: float = 0.0


_KILLABLE: Final = frozenset({WorkerState.STARTING, WorkerState.RUNNING, WorkerState.HANGING})
_ALIVE: Final = _KILLABLE | {WorkerState.KILLED}
_STOPPED: Final = dict.fromkeys((*_ALIVE, WorkerState.STOPPING), WorkerState.STOPPING)


def next_state(worker: Worker, event: WorkerEvent, now: float, policy: Supervision) -> Worker:
    """The worker after the event; an event that its state does not allow changes nothing."""
    match event, worker.state:
        case WorkerEvent.SPAWNED, WorkerState.NEW | WorkerState.BACKING_OFF:
            worker = replace(worker, state=WorkerState.STARTING, last_heartbeat=now, ran_at=None)
        case WorkerEvent.HEARTBEAT, state if state in _KILLABLE:
            ran_at = now if worker.ran_at is None else worker.ran_at
            worker = replace(worker, state=WorkerState.RUNNING, last_heartbeat=now, ran_at=ran_at)
        case WorkerEvent.SILENT, WorkerState.STARTING | WorkerState.RUNNING:
            worker = replace(worker, state=WorkerState.HANGING, since=now)
        case WorkerEvent.KILLED, state if state in _KILLABLE:
            worker = replace(worker, state=WorkerState.KILLED, since=now)
        case WorkerEvent.DIED, _:
            worker = _died(worker, now, policy)
        case WorkerEvent.STOP, state:
            worker = replace(worker, state=_STOPPED.get(state, WorkerState.STOPPED))
    return worker


def _died(worker: Worker, now: float, policy: Supervision) -> Worker:
    if worker.state is WorkerState.STOPPING:
        return replace(worker, state=WorkerState.STOPPED)
    if worker.state not in _ALIVE:
        return worker
    deaths = (*(death for death in worker.deaths if now - death < policy.window_sec), now)
    failed_starts = worker.failed_starts
    if worker.ran_at is None:
        failed_starts += 1
    elif now - worker.ran_at >= policy.window_sec:
        failed_starts = 0
    worker = replace(worker, deaths=deaths, failed_starts=failed_starts)
    number = max(len(deaths), failed_starts)
    if number >= policy.attempts:
        return replace(worker, state=WorkerState.FAILED)
    delay_sec = policy.first_delay_sec * DELAY_FACTOR ** min(number - 1, 64)
    respawn_at = now + min(delay_sec, policy.longest_delay_sec)
    return replace(worker, state=WorkerState.BACKING_OFF, respawn_at=respawn_at)


def next_step(worker: Worker, now: float, policy: Supervision) -> Step:
    """What is due now."""
    silent_sec, limit_sec = now - worker.last_heartbeat, policy.heartbeat_timeout_sec
    match worker.state:
        case WorkerState.BACKING_OFF if now >= worker.respawn_at:
            return Step.SPAWN
        case WorkerState.STARTING | WorkerState.RUNNING if silent_sec > limit_sec:
            return Step.DUMP_STACKS
        case WorkerState.HANGING if now - worker.since >= STACKS_SEC:
            return Step.KILL
        case WorkerState.KILLED if now - worker.since >= DEATH_SEC:
            return Step.ABANDON
    return Step.NOTHING


def why_given_up(worker: Worker, policy: Supervision) -> str:
    """Why a worker is in FAILED."""
    if worker.failed_starts >= policy.attempts:
        return f"it did not start {worker.failed_starts} times in a row"
    return f"it died {len(worker.deaths)} times within {policy.window_sec:g} s"
