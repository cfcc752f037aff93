"""Every transition of a worker's life, and the policy of bringing it back."""

import itertools

import pytest

from aod.config import Supervision
from aod.lifecycle import Worker, WorkerEvent, WorkerState, is_due, is_silent, next_state

POLICY = Supervision(
    attempts=4,
    window_sec=60,
    first_delay_sec=0.5,
    longest_delay_sec=1.5,
    heartbeat_timeout_sec=10,
)
S, E = WorkerState, WorkerEvent
TRANSITIONS = {
    (S.STARTING, E.SPAWNED): S.STARTING,
    (S.STARTING, E.BEAT): S.RUNNING,
    (S.STARTING, E.DIED): S.BACKING_OFF,
    (S.STARTING, E.STOP): S.STOPPING,
    (S.RUNNING, E.SPAWNED): S.STARTING,
    (S.RUNNING, E.BEAT): S.RUNNING,
    (S.RUNNING, E.DIED): S.BACKING_OFF,
    (S.RUNNING, E.STOP): S.STOPPING,
    (S.BACKING_OFF, E.SPAWNED): S.STARTING,
    (S.BACKING_OFF, E.BEAT): S.BACKING_OFF,
    (S.BACKING_OFF, E.DIED): S.BACKING_OFF,
    (S.BACKING_OFF, E.STOP): S.STOPPED,
    (S.STOPPING, E.SPAWNED): S.STARTING,
    (S.STOPPING, E.BEAT): S.STOPPING,
    (S.STOPPING, E.DIED): S.STOPPED,
    (S.STOPPING, E.STOP): S.STOPPING,
    (S.STOPPED, E.SPAWNED): S.STARTING,
    (S.STOPPED, E.BEAT): S.STOPPED,
    (S.STOPPED, E.DIED): S.STOPPED,
    (S.STOPPED, E.STOP): S.STOPPED,
    (S.FAILED, E.SPAWNED): S.STARTING,
    (S.FAILED, E.BEAT): S.FAILED,
    (S.FAILED, E.STOP): S.STOPPED,
}


@pytest.mark.parametrize(
    ("state", "event"), TRANSITIONS, ids=lambda value: value.name.lower().replace("_", "-")
)
def test_state_after_event(state: WorkerState, event: WorkerEvent) -> None:
    assert next_state(Worker(state), event, 5.0, POLICY).state is TRANSITIONS[state, event]


def test_every_pair_is_thought_of() -> None:
    """But the death of a worker that is dead for good."""
    pairs = set(itertools.product(WorkerState, WorkerEvent))
    assert pairs - TRANSITIONS.keys() == {(S.FAILED, E.DIED)}


def died(worker: Worker, now: float) -> Worker:
    return next_state(worker, E.DIED, now, POLICY)


def lived(worker: Worker, now: float) -> Worker:
    spawned = next_state(worker, E.SPAWNED, now, POLICY)
    return next_state(spawned, E.BEAT, now, POLICY)


def test_delays_double_up_to_the_longest() -> None:
    worker, delays = Worker(S.RUNNING), []
    for now in (100.0, 110.0, 120.0):
        worker = died(lived(worker, now), now)
        delays.append(worker.respawn_at - now)
    assert delays == [0.5, 1.0, 1.5]
    assert worker.state is S.BACKING_OFF


def test_that_many_deaths_within_the_window_are_too_many() -> None:
    worker = Worker(S.RUNNING)
    for now in (100.0, 110.0, 120.0, 159.9):
        worker = died(lived(worker, now), now)
    assert worker.state is S.FAILED
    assert len(worker.deaths) == POLICY.attempts


def test_a_death_as_old_as_the_window_is_forgiven() -> None:
    worker = Worker(S.RUNNING)
    for now in (100.0, 110.0, 120.0, 160.0):
        worker = died(lived(worker, now), now)
    assert worker.state is S.BACKING_OFF
    assert worker.deaths == (110.0, 120.0, 160.0)


def test_worker_that_dies_rarely_is_brought_back_for_ever_and_at_once() -> None:
    worker = Worker(S.RUNNING)
    for day in range(1, 100):
        now = day * 86_400.0
        worker = died(lived(worker, now), now)
        assert (worker.state, worker.respawn_at - now) == (S.BACKING_OFF, 0.5)
    assert len(worker.deaths) == 1


def test_one_attempt_means_no_second_life() -> None:
    policy = Supervision(attempts=1)
    assert next_state(Worker(S.STARTING), E.DIED, 5.0, policy).state is S.FAILED


def test_many_attempts_never_wait_longer_than_the_longest_delay() -> None:
    policy = Supervision(attempts=1000, window_sec=86_400, longest_delay_sec=30)
    worker = Worker(S.RUNNING)
    for now in range(999):
        worker = next_state(worker, E.DIED, float(now), policy)
        assert worker.respawn_at - now <= 30
    assert worker.state is S.BACKING_OFF


def test_stopping_costs_no_attempt() -> None:
    worker = next_state(next_state(Worker(S.RUNNING), E.STOP, 5.0, POLICY), E.DIED, 6.0, POLICY)
    assert worker.deaths == ()


def test_it_is_due_when_its_delay_is_over_and_only_while_backing_off() -> None:
    worker = died(Worker(S.RUNNING), 100.0)
    assert not is_due(worker, 100.49)
    assert is_due(worker, 100.5)
    assert not is_due(next_state(worker, E.STOP, 100.5, POLICY), 101.0)
    assert not is_due(next_state(worker, E.SPAWNED, 100.5, POLICY), 101.0)


@pytest.mark.parametrize("state", list(WorkerState))
def test_only_a_worker_that_should_beat_can_be_silent(state: WorkerState) -> None:
    should = state in (S.STARTING, S.RUNNING)
    assert is_silent(Worker(state, last_beat=100.0), 110.1, POLICY) is should
    assert not is_silent(Worker(state, last_beat=100.0), 110.0, POLICY)


def test_spawning_and_beating_end_the_silence() -> None:
    worker = next_state(Worker(S.BACKING_OFF, last_beat=1.0), E.SPAWNED, 50.0, POLICY)
    assert not is_silent(worker, 60.0, POLICY)
    worker = next_state(worker, E.BEAT, 60.0, POLICY)
    assert not is_silent(worker, 70.0, POLICY)
    assert is_silent(worker, 70.1, POLICY)
