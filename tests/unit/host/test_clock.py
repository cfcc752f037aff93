"""Steps of the wall clock, and what they do to spans of time around a trigger."""

import pytest

from aod.host.clock import (
    MOST_SHIFT_NS,
    NO_SPREAD,
    Clocks,
    ClockWatch,
    Spread,
    Step,
    read,
    sentence,
    spread,
)

S = 10**9
HOUR = 3600 * S


class Host:
    """Clocks that a test sets."""

    def __init__(self) -> None:
        self.now: Clocks | None = Clocks(1_700_000_000 * S, 50 * S)
        self.watch = ClockWatch(lambda: self.now)
        self.watch.look()

    def passes(self, ns: int, step_ns: int = 0) -> None:
        """Time, and in it a step; then a look."""
        assert self.now
        self.now = Clocks(self.now.wall_ns + ns + step_ns, self.now.boot_ns + ns)
        self.watch.look()


@pytest.fixture
def host() -> Host:
    return Host()


def test_clocks_that_run_alike_have_no_steps(host: Host) -> None:
    for _ in range(100):
        host.passes(S // 2, step_ns=S // 4000)  # slewed by 500 ppm
    assert host.watch.steps(0, 300 * S) == ()
    assert sentence(()) == ""
    assert spread((), 5) == NO_SPREAD


def test_a_step_is_seen_with_its_distance_to_the_trigger(host: Host) -> None:
    host.passes(10 * S, step_ns=-HOUR)
    host.passes(3 * S)
    assert host.watch.steps(S, 300 * S) == (Step(-2 * S, -HOUR),)
    assert host.watch.steps(5 * S, 300 * S) == (Step(2 * S, -HOUR),)
    assert host.watch.steps(S, S) == ()  # before the look-back


def test_a_stopped_process_compares_nothing(host: Host) -> None:
    before, host.now = host.now, None
    host.watch.look()
    assert before
    host.now = before
    host.passes(90 * S)
    assert host.watch.steps(0, 300 * S) == ()


def test_suspend_is_no_step() -> None:
    clocks = read()
    assert clocks
    assert clocks.boot_ns > 0


@pytest.mark.parametrize(
    ("steps", "moved_ns", "expected"),
    [
        # Back by an hour before the trigger: what is older is called an hour later.
        ([Step(-2 * S, -HOUR)], 0, Spread(0, HOUR)),
        # Forward: an hour earlier.
        ([Step(-2 * S, HOUR)], 0, Spread(-HOUR, 0)),
        # After the trigger, whose timestamp is of the old clock.
        ([Step(3 * S, -HOUR)], -HOUR, Spread(-HOUR, HOUR)),
        ([Step(3 * S, HOUR)], HOUR, Spread(0, 0)),
        # There and back again.
        ([Step(-9 * S, HOUR), Step(-5 * S, -HOUR)], 0, Spread(0, HOUR)),
        ([Step(-9 * S, HOUR), Step(-5 * S, 2 * HOUR)], 0, Spread(-3 * HOUR, 0)),
        ([Step(-2 * S, MOST_SHIFT_NS + 1)], 7, Spread(7, 0)),
    ],
)
def test_span_holds_what_any_clock_called_so(
    steps: list[Step], moved_ns: int, expected: Spread
) -> None:
    assert spread(steps, moved_ns) == expected


def test_step_is_told_in_a_sentence() -> None:
    assert sentence([Step(-2 * S, -HOUR)]) == (
        "the clock was set back by 3,600.0 s about 2 s before the trigger: "
        "logs and packets carry the time of their moment"
    )
    many = [Step(at * S, S) for at in range(9)]
    assert sentence(many).count("forward by 1.0 s") == 3
