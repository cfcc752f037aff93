"""Latency rules against a plain reading of the configuration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from aod.detectors.api import NOT_FINISHED
from aod.detectors.latency import Latency, LatencyRule, TrackedCommand
from aod.event import CONNECTION, IN_FLIGHT, UNANSWERED, Events
from aod.kernel.thresholds import NEVER_NS
from aod.settings import Mode
from aod.smb.commands import PATIENCE, Command
from tests.unit.ruling import MS, only, stream

FLAGS = st.sampled_from([0, IN_FLIGHT, 2, 2 | IN_FLIGHT, UNANSWERED])


def slow(command: Command, ms: float, flags: int = 0) -> Events:
    return stream([(round(ms * MS), 0, 0, command, flags)])


# What the manual says, one operation at a time.


def limits_ms(  # noqa: PLR0911  # as the manual lists them
    anomaly: Latency, command: int
) -> tuple[float | None, float | None]:
    """Threshold and emergency threshold; None: not watched, or switched off."""
    if command not in list(Command):
        return None, None
    name = Command(command).name
    for entry in anomaly.track_commands:
        if entry.command == name:
            own = entry.emergency_threshold_ms
            emergency_ms = anomaly.emergency_threshold_ms if own is UNSET else own
            return entry.threshold or anomaly.default_threshold_ms, emergency_ms
    if anomaly.mode is Mode.TRACKONLY:
        return None, None
    if anomaly.mode is Mode.EXCLUDEONLY and name in anomaly.exclude_commands:
        return None, None
    if command not in PATIENCE:
        return anomaly.default_threshold_ms, anomaly.emergency_threshold_ms
    patience = PATIENCE[Command(command)]
    if patience.threshold_ms is None or patience.emergency_ms is None:
        return None, None
    threshold_ms = max(anomaly.default_threshold_ms, patience.threshold_ms)
    if anomaly.emergency_threshold_ms is None:
        return threshold_ms, None
    return threshold_ms, max(anomaly.emergency_threshold_ms, patience.emergency_ms)


def is_slow(anomaly: Latency, record: np.void) -> tuple[bool, bool]:
    """Whether it matches, and whether as an emergency."""
    limit_ms, emergency_ms = limits_ms(anomaly, int(record["command"]))
    if limit_ms is None:
        return False, False
    beyond = int(record["latency_ns"]) > limit_ms * MS
    emergency = (
        emergency_ms is not None and beyond and int(record["latency_ns"]) >= emergency_ms * MS
    )
    return emergency or (beyond and not record["flags"] & NOT_FINISHED), emergency


command_names = st.sampled_from(list(Command.__members__))
thresholds = st.sampled_from([0.001, 1.0, 20.0, 50.0, 999.0, 1000.0, 2000.0, 20_000.0])


@st.composite
def latencies(draw: st.DrawFn) -> Latency:
    tracked = draw(st.lists(command_names, unique=True, max_size=4))
    return Latency(
        mode=draw(st.sampled_from(Mode)),
        default_threshold_ms=draw(thresholds),
        emergency_threshold_ms=draw(st.none() | thresholds),
        track_commands=tuple(
            TrackedCommand(
                command=name,
                threshold=draw(st.none() | thresholds),
                emergency_threshold_ms=draw(st.just(UNSET) | st.none() | thresholds),
            )
            for name in tracked
        ),
        exclude_commands=tuple(
            name
            for name in draw(st.lists(command_names, unique=True, max_size=4))
            if name not in tracked
        ),
    )


@st.composite
def slow_streams(draw: st.DrawFn) -> Events:
    limits_ns = [1000, MS, 20 * MS, 50 * MS, 1000 * MS, 2000 * MS, 10_000 * MS, NEVER_NS - 1]
    latency_ns = st.sampled_from([0, *(ns + step for ns in limits_ns for step in (-1, 0, 1))])
    command = st.integers(0, 18) | st.sampled_from([19, 31, 32, 40, 255])
    record = st.tuples(latency_ns, st.just(0), st.sampled_from([0, -5]), command, FLAGS)
    return stream(draw(st.lists(record, max_size=30)))


@given(latencies(), slow_streams())
def test_latency_rules_match_what_the_configuration_says(anomaly: Latency, records: Events) -> None:
    rule = only(anomaly)
    expected = [is_slow(anomaly, record) for record in records]
    assert rule.matches(records).tolist() == [bool(match) for match, _ in expected]
    assert rule.emergencies(records).tolist() == [emergency for _, emergency in expected]


def test_the_examples_thresholds() -> None:
    rule = only(Latency(track_commands=(TrackedCommand(command="SMB2_WRITE", threshold=50),)))
    assert isinstance(rule, LatencyRule)
    assert rule.threshold_ns[Command.SMB2_READ] == 20 * MS
    assert rule.threshold_ns[Command.SMB2_WRITE] == 50 * MS
    assert rule.threshold_ns[Command.SMB2_CHANGE_NOTIFY] == NEVER_NS
    assert (rule.threshold_ns[len(Command) :] == NEVER_NS).all()
    frame = rule.frame
    assert (frame.window_ns, frame.cooldown_ns, frame.acceptable_count) == (10**9, 60 * 10**9, 10)
    assert rule.matches(slow(Command.SMB2_WRITE, 50)).tolist() == [False]
    assert rule.matches(slow(Command.SMB2_WRITE, 50.1)).tolist() == [True]
    assert rule.matches(slow(Command.SMB2_READ, 999, IN_FLIGHT)).tolist() == [False]
    assert rule.emergencies(slow(Command.SMB2_READ, 1000, IN_FLIGHT)).tolist() == [True]


def test_what_is_acceptable_is_no_emergency() -> None:
    rule = only(Latency(track_commands=(TrackedCommand(command="SMB2_LOCK", threshold=5000),)))
    assert not rule.matches(slow(Command.SMB2_LOCK, 5000)).any()
    assert rule.emergencies(slow(Command.SMB2_LOCK, 5000.1)).all()


def test_setting_up_a_connection_may_take_a_while_and_not_for_ever() -> None:
    rule = only(Latency())
    assert not rule.matches(slow(Command.SMB2_SESSION_SETUP, 1000)).any()
    assert rule.matches(slow(Command.SMB2_SESSION_SETUP, 1000.1)).all()
    assert not rule.emergencies(slow(Command.SMB2_TREE_CONNECT, 9999, IN_FLIGHT)).any()
    assert rule.emergencies(slow(Command.SMB2_TREE_CONNECT, 10_000, IN_FLIGHT)).all()


def test_a_command_has_an_emergency_threshold_of_its_own_or_none() -> None:
    entries = (
        TrackedCommand(command="SMB2_READ", emergency_threshold_ms=5000),
        TrackedCommand(command="SMB2_WRITE", emergency_threshold_ms=None),
    )
    rule = only(Latency(track_commands=entries))
    assert not rule.emergencies(slow(Command.SMB2_READ, 4999)).any()
    assert rule.emergencies(slow(Command.SMB2_READ, 5000)).all()
    assert not rule.emergencies(slow(Command.SMB2_WRITE, 80_000)).any()
    assert rule.emergencies(slow(Command.SMB2_CLOSE, 1000)).all()


def test_connection_events_are_never_slow() -> None:
    rule = only(Latency(default_threshold_ms=0.001))
    assert not rule.matches(stream([(0, 0, 0, 20, CONNECTION)])).any()


@pytest.mark.parametrize(
    ("ms", "said"), [(20.5, "more than 20 ms"), (1000, "emergency threshold 1,000 ms")]
)
def test_why_an_operation_matches(ms: float, said: str) -> None:
    (record,) = slow(Command.SMB2_READ, ms)
    assert only(Latency()).grounds(record) == said
