"""The life of a worker, as a pure state machine, and the policy of bringing it back.

NEW --spawned--> STARTING --beat--> RUNNING --died--> BACKING_OFF --spawned--> STARTING ...
                        silent |  ^ beat      died |      too often |
                               v  |                |                v
                            HANGING --killed--> KILLED           FAILED
any --stop--> STOPPING --died--> STOPPED

A worker that dies before it ever beat did not start; how often that may happen in a row does not
depend on the time that it takes. One that ran is forgiven deaths as old as the window.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from aod.config.schema import Supervision

DELAY_FACTOR: Final = 2
LAST_WORDS_SEC: Final = 1.0
"""Between the signal that asks a silent worker where it hangs, and the one that ends it."""
DEATH_SEC: Final = 5.0
"""A worker that is still there so long after SIGKILL hangs in the kernel."""


class WorkerState(Enum):
    """Where a worker is in its life."""

    NEW = auto()
    STARTING = auto()
    RUNNING = auto()
    HANGING = auto()
    """Silent for too long; asked where it hangs."""
    KILLED = auto()
    """Its death is all that is waited for."""
    BACKING_OFF = auto()
    STOPPING = auto()
    STOPPED = auto()
    FAILED = auto()


class WorkerEvent(Enum):
    """What may happen to it."""

    SPAWNED = auto()
    BEAT = auto()
    SILENT = auto()
    KILLED = auto()
    DIED = auto()
    """Or given up for dead."""
    STOP = auto()


class Step(Enum):
    """What the supervisor has to do about it."""

    NOTHING = auto()
    SPAWN = auto()
    ASK = auto()
    """Where it hangs."""
    KILL = auto()
    BURY = auto()
    """Go on as if it had died: it does not, for the kernel does not let it go."""


@dataclass(frozen=True)
class Worker:
    """A worker's life so far; times are monotonic seconds."""

    state: WorkerState = WorkerState.NEW
    last_beat: float = 0.0
    since: float = 0.0
    """Of a state that is left when its time is over: HANGING, KILLED."""
    ran_at: float | None = None
    """When this life beat for the first time."""
    failed_starts: int = 0
    """In a row; a life as long as the window ends the row."""
    deaths: tuple[float, ...] = ()
    """Within the policy's window."""
    respawn_at: float = 0.0


_ALIVE: Final = frozenset(
    {WorkerState.STARTING, WorkerState.RUNNING, WorkerState.HANGING, WorkerState.KILLED}
)
_STOPPED: Final = dict.fromkeys((*_ALIVE, WorkerState.STOPPING), WorkerState.STOPPING)


def next_state(worker: Worker, event: WorkerEvent, now: float, policy: Supervision) -> Worker:
    """The worker after the event; one that cannot be in its state changes nothing."""
    match event, worker.state:
        case WorkerEvent.SPAWNED, WorkerState.NEW | WorkerState.BACKING_OFF:
            worker = replace(worker, state=WorkerState.STARTING, last_beat=now, ran_at=None)
        case WorkerEvent.BEAT, WorkerState.STARTING | WorkerState.RUNNING | WorkerState.HANGING:
            ran_at = now if worker.ran_at is None else worker.ran_at
            worker = replace(worker, state=WorkerState.RUNNING, last_beat=now, ran_at=ran_at)
        case WorkerEvent.SILENT, WorkerState.STARTING | WorkerState.RUNNING:
            worker = replace(worker, state=WorkerState.HANGING, since=now)
        case WorkerEvent.KILLED, WorkerState.STARTING | WorkerState.RUNNING | WorkerState.HANGING:
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
    worker = replace(worker, deaths=deaths, failed_starts=_failed_starts(worker, now, policy))
    number = max(len(worker.deaths), worker.failed_starts)
    if number >= policy.attempts:
        return replace(worker, state=WorkerState.FAILED)
    delay_sec = policy.first_delay_sec * DELAY_FACTOR ** min(number - 1, 64)
    respawn_at = now + min(delay_sec, policy.longest_delay_sec)
    return replace(worker, state=WorkerState.BACKING_OFF, respawn_at=respawn_at)


def _failed_starts(worker: Worker, now: float, policy: Supervision) -> int:
    if worker.ran_at is None:
        return worker.failed_starts + 1
    return 0 if now - worker.ran_at >= policy.window_sec else worker.failed_starts


def next_step(worker: Worker, now: float, policy: Supervision) -> Step:
    """What is due."""
    match worker.state:
        case WorkerState.BACKING_OFF if now >= worker.respawn_at:
            return Step.SPAWN
        case WorkerState.STARTING | WorkerState.RUNNING if _is_silent(worker, now, policy):
            return Step.ASK
        case WorkerState.HANGING if now - worker.since >= LAST_WORDS_SEC:
            return Step.KILL
        case WorkerState.KILLED if now - worker.since >= DEATH_SEC:
            return Step.BURY
    return Step.NOTHING


def _is_silent(worker: Worker, now: float, policy: Supervision) -> bool:
    return now - worker.last_beat > policy.heartbeat_timeout_sec


def why_given_up(worker: Worker, policy: Supervision) -> str:
    """For a worker that has failed: what was too much."""
    if worker.failed_starts >= policy.attempts:
        return f"it did not start {worker.failed_starts} times in a row"
    return f"it died {len(worker.deaths)} times within {policy.window_sec:g} s"
