"""Every transition of a worker's life, and the policy of bringing it back."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.config.schema import Supervision
from aod.supervision.lifecycle import (
    DEATH_SEC,
    STACKS_SEC,
    Step,
    Worker,
    WorkerEvent,
    WorkerState,
    next_state,
    next_step,
    why_given_up,
)

POLICY = Supervision(
    attempts=4,
    window_sec=60,
    first_delay_sec=0.5,
    longest_delay_sec=1.5,
    heartbeat_timeout_sec=10,
)
S, E = WorkerState, WorkerEvent
TABLE = {
    #               spawned     beat       silent     killed    died           stop
    S.NEW: (S.STARTING, S.NEW, S.NEW, S.NEW, S.NEW, S.STOPPED),
    S.STARTING: (S.STARTING, S.RUNNING, S.HANGING, S.KILLED, S.BACKING_OFF, S.STOPPING),
    S.RUNNING: (S.RUNNING, S.RUNNING, S.HANGING, S.KILLED, S.BACKING_OFF, S.STOPPING),
    S.HANGING: (S.HANGING, S.RUNNING, S.HANGING, S.KILLED, S.BACKING_OFF, S.STOPPING),
    S.KILLED: (S.KILLED, S.KILLED, S.KILLED, S.KILLED, S.BACKING_OFF, S.STOPPING),
    S.BACKING_OFF: (S.STARTING, *[S.BACKING_OFF] * 4, S.STOPPED),
    S.STOPPING: (*[S.STOPPING] * 4, S.STOPPED, S.STOPPING),
    S.STOPPED: (*[S.STOPPED] * 6,),
    S.FAILED: (*[S.FAILED] * 5, S.STOPPED),
}
EVENTS = (E.SPAWNED, E.HEARTBEAT, E.SILENT, E.KILLED, E.DIED, E.STOP)


@pytest.mark.parametrize(
    ("state", "event"),
    list(itertools.product(WorkerState, WorkerEvent)),
    ids=lambda value: value.name.lower().replace("_", "-"),
)
def test_state_after_event(state: WorkerState, event: WorkerEvent) -> None:
    after = next_state(Worker(state), event, 5.0, POLICY)
    assert after.state is TABLE[state][EVENTS.index(event)]


def died(worker: Worker, now: float, policy: Supervision = POLICY) -> Worker:
    return next_state(worker, E.DIED, now, policy)


def lived(worker: Worker, now: float, policy: Supervision = POLICY) -> Worker:
    spawned = next_state(worker, E.SPAWNED, now, policy)
    return next_state(spawned, E.HEARTBEAT, now, policy)


def test_delays_double_up_to_the_longest() -> None:
    worker, delays = Worker(), []
    for now in (100.0, 110.0, 120.0):
        worker = died(lived(worker, now), now)
        delays.append(worker.respawn_at - now)
    assert delays == [0.5, 1.0, 1.5]
    assert worker.state is S.BACKING_OFF


def test_that_many_deaths_within_the_window_are_too_many() -> None:
    worker = Worker()
    for now in (100.0, 110.0, 120.0, 159.9):
        worker = died(lived(worker, now), now)
    assert worker.state is S.FAILED
    assert why_given_up(worker, POLICY) == "it died 4 times within 60 s"


def test_a_death_as_old_as_the_window_is_forgiven() -> None:
    worker = Worker()
    for now in (100.0, 110.0, 120.0, 160.0):
        worker = died(lived(worker, now), now)
    assert worker.state is S.BACKING_OFF
    assert worker.deaths == (110.0, 120.0, 160.0)


def test_worker_that_dies_rarely_is_brought_back_for_ever_and_at_once() -> None:
    worker = Worker()
    for day in range(1, 100):
        now = day * 86_400.0
        worker = died(lived(worker, now), now)
        assert (worker.state, worker.respawn_at - now) == (S.BACKING_OFF, 0.5)
    assert len(worker.deaths) == 1


def starts_in_vain(worker: Worker, now: float) -> Worker:
    return died(next_state(worker, E.SPAWNED, now, POLICY), now)


def test_worker_that_never_starts_is_given_up_however_long_each_start_takes() -> None:
    worker, delays = Worker(), []
    for day in range(1, 5):
        now = day * 86_400.0
        worker = starts_in_vain(worker, now)
        delays.append(worker.respawn_at - now)
    assert worker.state is S.FAILED
    assert delays[:3] == [0.5, 1.0, 1.5]
    assert why_given_up(worker, POLICY) == "it did not start 4 times in a row"


def test_a_short_life_between_them_does_not_make_failed_starts_good() -> None:
    worker = Worker()
    for now in (1000.0, 2000.0, 3000.0):
        worker = starts_in_vain(worker, now)
    worker = died(lived(worker, 4000.0), 4001.0)
    assert worker.state is S.BACKING_OFF
    assert starts_in_vain(worker, 5000.0).state is S.FAILED


def test_a_life_as_long_as_the_window_does() -> None:
    worker = Worker()
    for now in (1000.0, 2000.0, 3000.0):
        worker = starts_in_vain(worker, now)
    worker = died(lived(worker, 4000.0), 4060.0)
    assert worker.failed_starts == 0
    assert starts_in_vain(worker, 5000.0).state is S.BACKING_OFF


def test_one_attempt_means_no_second_life() -> None:
    policy = Supervision(attempts=1)
    assert died(Worker(S.STARTING), 5.0, policy).state is S.FAILED


def test_stopping_costs_no_attempt() -> None:
    worker = died(next_state(Worker(S.RUNNING), E.STOP, 5.0, POLICY), 6.0)
    assert (worker.deaths, worker.failed_starts) == ((), 0)


def test_it_is_due_when_its_delay_is_over() -> None:
    worker = died(Worker(S.RUNNING), 100.0)
    assert next_step(worker, 100.49, POLICY) is Step.NOTHING
    assert next_step(worker, 100.5, POLICY) is Step.SPAWN


@pytest.mark.parametrize("state", list(WorkerState))
def test_only_a_worker_that_should_beat_can_be_silent(state: WorkerState) -> None:
    worker = Worker(state, last_heartbeat=100.0, since=110.1, respawn_at=200.0)
    expected = Step.DUMP_STACKS if state in (S.STARTING, S.RUNNING) else Step.NOTHING
    assert next_step(worker, 110.1, POLICY) is expected
    assert next_step(replace(worker, since=110.0), 110.0, POLICY) is Step.NOTHING


def test_a_silent_worker_is_asked_then_killed_then_reaped() -> None:
    worker = next_state(Worker(S.RUNNING), E.SILENT, 50.0, POLICY)
    assert next_step(worker, 50.0 + STACKS_SEC - 0.1, POLICY) is Step.NOTHING
    assert next_step(worker, 50.0 + STACKS_SEC, POLICY) is Step.KILL
    worker = next_state(worker, E.KILLED, 51.0, POLICY)
    assert next_step(worker, 51.0 + DEATH_SEC - 0.1, POLICY) is Step.NOTHING
    assert next_step(worker, 51.0 + DEATH_SEC, POLICY) is Step.ABANDON


def test_one_that_answers_before_it_is_killed_goes_on() -> None:
    worker = next_state(Worker(S.RUNNING), E.SILENT, 50.0, POLICY)
    worker = next_state(worker, E.HEARTBEAT, 50.5, POLICY)
    assert next_step(worker, 60.0, POLICY) is Step.NOTHING


def test_spawning_and_beating_end_the_silence() -> None:
    worker = next_state(Worker(S.BACKING_OFF, last_heartbeat=1.0), E.SPAWNED, 50.0, POLICY)
    assert next_step(worker, 60.0, POLICY) is Step.NOTHING
    worker = next_state(worker, E.HEARTBEAT, 60.0, POLICY)
    assert next_step(worker, 70.0, POLICY) is Step.NOTHING
    assert next_step(worker, 70.1, POLICY) is Step.DUMP_STACKS


POLICIES = st.builds(
    Supervision,
    attempts=st.integers(1, 8),
    window_sec=st.floats(1, 1000),
    first_delay_sec=st.floats(0.01, 10),
    longest_delay_sec=st.floats(0.01, 100),
)
LIVES = st.lists(st.tuples(st.sampled_from(EVENTS), st.floats(0, 500)), max_size=60)


@given(POLICIES, LIVES)
def test_whatever_happens(policy: Supervision, life: list[tuple[WorkerEvent, float]]) -> None:
    """Never more than `attempts` deaths in a window, nor starts in vain in a row, without FAILED;
    delays are between the first and the longest; what is stopping is never spawned."""
    worker, now = Worker(), 0.0
    for event, passed in life:
        now += passed
        before, worker = worker, next_state(worker, event, now, policy)
        recent = [death for death in worker.deaths if now - death < policy.window_sec]
        if worker.state not in (S.FAILED, S.STOPPED):
            assert len(recent) < policy.attempts
            assert worker.failed_starts < policy.attempts
        if worker.state is S.BACKING_OFF and before.state is not S.BACKING_OFF:
            shortest = min(policy.first_delay_sec, policy.longest_delay_sec)
            assert shortest - 1e-9 <= worker.respawn_at - now <= policy.longest_delay_sec + 1e-9
        if before.state in (S.STOPPING, S.STOPPED):
            assert worker.state in (S.STOPPING, S.STOPPED)
            assert next_step(worker, now + 1e6, policy) is Step.NOTHING
        if before.state is S.FAILED:
            assert worker.state in (S.FAILED, S.STOPPED)
