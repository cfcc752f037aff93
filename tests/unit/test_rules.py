"""The rules against a plain reading of the configuration; the kernel's knobs against the rules."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.config import (
    AnomalyConfig,
    Config,
    Error,
    Guardian,
    Latency,
    Mode,
    Recorder,
    TrackedCommand,
    Watcher,
)
from aod.rules import (
    IN_FLIGHT,
    NEVER_NS,
    ErrorRule,
    Events,
    LatencyRule,
    Rule,
    emergencies,
    kernel_knobs,
    matches,
    rules,
)
from aod.smb import errors, ntstatus
from aod.smb.commands import LEFT_OUT, Command
from aod.verdicts import COMMANDS, ERRNOS

DTYPE = np.dtype(
    [("latency_ns", "u8"), ("status", "u4"), ("error", "i2"), ("command", "u1"), ("flags", "u1")]
)
EVENT_H = Path(__file__).parents[2] / "ebpf" / "event.h"
MS = 1_000_000


def configured(**anomalies: AnomalyConfig) -> Config:
    return Config(guardian=Guardian(anomalies=anomalies))


def only(anomaly: AnomalyConfig) -> Rule:
    (rule,) = rules(configured(it=anomaly))
    return rule


def events(*records: tuple[float, int, int, int, int]) -> Events:
    """Records of (latency in ms, status, error, command, flags)."""
    return np.array([(round(ms * MS), *rest) for ms, *rest in records], DTYPE)


def slow(command: Command, ms: float, flags: int = 0) -> Events:
    return events((ms, 0, 0, command, flags))


def failed(status: str, errno: str, command: Command = Command.SMB2_CREATE) -> Events:
    return events((1, ntstatus.NUMBERS[status], -errors.NUMBERS[errno], command, 0))


# What the manual says, one operation at a time.


def threshold_ms(anomaly: Latency, command: int) -> float | None:
    """None: not watched."""
    own = {entry.command: entry.threshold for entry in anomaly.track_commands}
    name = Command(command).name if command in list(Command) else ""
    if name in own:
        return own[name] or anomaly.default_threshold_ms
    if not name or anomaly.mode is Mode.TRACKONLY or command in LEFT_OUT:
        return None
    if anomaly.mode is Mode.EXCLUDEONLY and name in anomaly.exclude_commands:
        return None
    return anomaly.default_threshold_ms


def is_slow(anomaly: Latency, record: np.void) -> tuple[bool, bool]:
    """Whether it matches, and whether as an emergency."""
    limit_ms = threshold_ms(anomaly, int(record["command"]))
    if limit_ms is None:
        return False, False
    beyond = int(record["latency_ns"]) > limit_ms * MS
    emergency_ms = anomaly.emergency_threshold_ms
    emergency = (
        emergency_ms is not None and beyond and int(record["latency_ns"]) >= emergency_ms * MS
    )
    return emergency or (beyond and not record["flags"] & IN_FLIGHT), emergency


def counts(anomaly: Error, record: np.void) -> bool:
    if record["error"] == 0 or record["flags"] & IN_FLIGHT:
        return False
    number, status = abs(int(record["error"])), int(record["status"])
    excluded = anomaly.exclude_codes if anomaly.mode is Mode.EXCLUDEONLY else ()
    benign = record["command"] in [int(c) for c in ntstatus.BENIGN.get(status, ())]
    if ntstatus.NAMES.get(status) in anomaly.track_codes:
        return True
    if ntstatus.NAMES.get(status) in excluded:
        return False
    if number in [errors.NUMBERS.get(code) for code in anomaly.track_codes]:
        return not benign or errors.errno_name(number) not in {"EIO", "EACCES"}
    if number in [errors.NUMBERS.get(code) for code in excluded] or benign:
        return False
    return anomaly.mode is not Mode.TRACKONLY


command_names = st.sampled_from(list(Command.__members__))
thresholds = st.sampled_from([0.001, 1.0, 20.0, 50.0, 999.0, 1000.0, 2000.0])


@st.composite
def latencies(draw: st.DrawFn) -> Latency:
    tracked = draw(st.lists(command_names, unique=True, max_size=4))
    return Latency(
        mode=draw(st.sampled_from(Mode)),
        default_threshold_ms=draw(thresholds),
        emergency_threshold_ms=draw(st.none() | thresholds),
        track_commands=tuple(
            TrackedCommand(command=name, threshold=draw(st.none() | thresholds)) for name in tracked
        ),
        exclude_commands=tuple(
            name
            for name in draw(st.lists(command_names, unique=True, max_size=4))
            if name not in tracked
        ),
    )


ERRNOS_USED = ("EIO", "EACCES", "ENOENT", "EEXIST", "ENODATA", "EBUSY", "ENOSPC", "EAGAIN")
STATUSES_USED = (
    *("STATUS_ACCESS_DENIED", "STATUS_LOCK_NOT_GRANTED", "STATUS_MORE_PROCESSING_REQUIRED"),
    *("STATUS_OBJECT_NAME_NOT_FOUND", "STATUS_NOT_SUPPORTED", "STATUS_DISK_FULL"),
)
codes = st.lists(st.sampled_from(ERRNOS_USED + STATUSES_USED), unique=True, max_size=4)


@st.composite
def failures(draw: st.DrawFn) -> Error:
    tracked = draw(codes)
    excluded = [code for code in draw(codes) if code not in tracked]
    return Error(
        mode=draw(st.sampled_from(Mode)),
        track_codes=tuple(tracked),
        exclude_codes=tuple(excluded),
    )


@st.composite
def streams(draw: st.DrawFn) -> Events:
    limits_ns = [1000, MS, 20 * MS, 50 * MS, 1000 * MS, 2000 * MS, NEVER_NS - 1]
    latency_ns = st.sampled_from([0, *(ns + step for ns in limits_ns for step in (-1, 0, 1))])
    status = st.sampled_from(
        [ntstatus.NUMBERS[name] for name in STATUSES_USED] + [0, 1, 0xC0ABCDEF, 2**32 - 1]
    )
    error = st.sampled_from([0, 0, -4095, -32768, *(-errors.NUMBERS[name] for name in ERRNOS_USED)])
    command = st.integers(0, 18) | st.sampled_from([19, 31, 32, 40, 255])
    record = st.tuples(latency_ns, status, error, command, st.sampled_from([0, 1, 2, 3]))
    return np.array(draw(st.lists(record, max_size=30)), DTYPE)


@given(latencies(), streams())
def test_latency_rules_match_what_the_configuration_says(anomaly: Latency, stream: Events) -> None:
    rule = only(anomaly)
    expected = [is_slow(anomaly, record) for record in stream]
    assert matches(rule, stream).tolist() == [bool(match) for match, _ in expected]
    assert emergencies(rule, stream).tolist() == [emergency for _, emergency in expected]


@given(failures(), streams())
def test_error_rules_match_what_the_configuration_says(anomaly: Error, stream: Events) -> None:
    rule = only(anomaly)
    assert matches(rule, stream).tolist() == [counts(anomaly, record) for record in stream]
    assert not emergencies(rule, stream).any()


@given(st.lists(latencies() | failures(), min_size=1, max_size=3), streams())
def test_the_kernel_wakes_for_everything_that_a_rule_matches(
    anomalies: list[AnomalyConfig], stream: Events
) -> None:
    config = configured(**{f"a{n}": anomaly for n, anomaly in enumerate(anomalies)})
    stream = stream[(stream["command"] < COMMANDS) & (stream["error"] > -ERRNOS)]
    knobs = kernel_knobs(config)
    command, latency_ns = stream["command"], stream["latency_ns"]
    finished = (stream["flags"] & IN_FLIGHT) == 0
    woken = finished & (latency_ns > knobs.threshold_ns[command])
    woken |= latency_ns >= knobs.emergency_ns[command]
    number = -stream["error"].astype(np.int64)
    bits = knobs.tracked_errors[number // 64] >> (number % 64).astype(np.uint64)
    woken |= (bits & np.uint64(1)).astype(np.bool_)
    for rule in rules(config):
        assert not (matches(rule, stream) & ~woken).any()


def test_the_examples_thresholds() -> None:
    rule = only(Latency(track_commands=(TrackedCommand(command="SMB2_WRITE", threshold=50),)))
    assert isinstance(rule, LatencyRule)
    assert rule.threshold_ns[Command.SMB2_READ] == 20 * MS
    assert rule.threshold_ns[Command.SMB2_WRITE] == 50 * MS
    assert rule.threshold_ns[Command.SMB2_CHANGE_NOTIFY] == NEVER_NS
    assert (rule.threshold_ns[len(Command) :] == NEVER_NS).all()
    assert (rule.window_ns, rule.cooldown_ns, rule.acceptable_count) == (10**9, 60 * 10**9, 10)
    assert matches(rule, slow(Command.SMB2_WRITE, 50)).tolist() == [False]
    assert matches(rule, slow(Command.SMB2_WRITE, 50.1)).tolist() == [True]
    assert matches(rule, slow(Command.SMB2_READ, 999, IN_FLIGHT)).tolist() == [False]
    assert emergencies(rule, slow(Command.SMB2_READ, 1000, IN_FLIGHT)).tolist() == [True]


def test_what_is_acceptable_is_no_emergency() -> None:
    rule = only(Latency(track_commands=(TrackedCommand(command="SMB2_LOCK", threshold=5000),)))
    assert not matches(rule, slow(Command.SMB2_LOCK, 5000)).any()
    assert emergencies(rule, slow(Command.SMB2_LOCK, 5000.1)).all()


TRACKED = Error(mode=Mode.TRACKONLY, track_codes=("EACCES", "EAGAIN", "EIO"))


@pytest.mark.parametrize(
    ("anomaly", "record", "expected"),
    [
        (TRACKED, failed("STATUS_ACCESS_DENIED", "EACCES"), True),
        (TRACKED, failed("STATUS_IO_TIMEOUT", "EAGAIN"), True),
        (TRACKED, failed("STATUS_DISK_FULL", "ENOSPC"), False),
        # Every mount has one of these, and the client calls it EIO.
        (
            TRACKED,
            failed("STATUS_MORE_PROCESSING_REQUIRED", "EIO", Command.SMB2_SESSION_SETUP),
            False,
        ),
        (TRACKED, failed("STATUS_LOCK_NOT_GRANTED", "EACCES", Command.SMB2_LOCK), False),
        (TRACKED, failed("STATUS_FILE_LOCK_CONFLICT", "EACCES", Command.SMB2_READ), True),
        (Error(), failed("STATUS_OBJECT_NAME_NOT_FOUND", "ENOENT"), False),
        (Error(), failed("STATUS_DELETE_PENDING", "ENOENT"), True),
        (Error(track_codes=("ENOENT",)), failed("STATUS_NO_SUCH_FILE", "ENOENT"), True),
        (Error(track_codes=("STATUS_CANCELLED",)), failed("STATUS_CANCELLED", "EIO"), True),
        (Error(), failed("STATUS_NOT_SUPPORTED", "EOPNOTSUPP", Command.SMB2_IOCTL), False),
        (Error(), failed("STATUS_NOT_SUPPORTED", "EOPNOTSUPP", Command.SMB2_WRITE), True),
        (
            Error(mode=Mode.EXCLUDEONLY, exclude_codes=("EACCES",)),
            failed("STATUS_ACCESS_DENIED", "EACCES"),
            False,
        ),
        (
            Error(
                mode=Mode.EXCLUDEONLY,
                exclude_codes=("EACCES",),
                track_codes=("STATUS_LOGON_FAILURE",),
            ),
            failed("STATUS_LOGON_FAILURE", "EACCES", Command.SMB2_SESSION_SETUP),
            True,
        ),
    ],
)
def test_what_counts_as_an_error(anomaly: Error, record: Events, expected: bool) -> None:
    assert matches(only(anomaly), record).tolist() == [expected]


def test_the_kernels_errors_are_the_tracked_ones_and_no_more() -> None:
    bits = np.unpackbits(
        kernel_knobs(configured(e=TRACKED)).tracked_errors.view("u1"), bitorder="little"
    )
    assert np.flatnonzero(bits).tolist() == [5, 11, 13]


def test_a_tracked_status_may_come_as_any_error() -> None:
    anomaly = Error(mode=Mode.TRACKONLY, track_codes=("STATUS_DISK_FULL",))
    words = kernel_knobs(configured(e=anomaly)).tracked_errors
    assert words[0] == 2**64 - 2  # all but 0, which is success
    assert (words[1:] == 2**64 - 1).all()


def test_the_kernel_has_the_lowest_threshold_of_all_rules() -> None:
    writes = (TrackedCommand(command="SMB2_WRITE", threshold=5),)
    tight = Latency(mode=Mode.TRACKONLY, track_commands=writes, emergency_threshold_ms=None)
    knobs = kernel_knobs(configured(a=Latency(), b=tight))
    assert knobs.threshold_ns[Command.SMB2_WRITE] == 5 * MS
    assert knobs.threshold_ns[Command.SMB2_READ] == 20 * MS
    assert knobs.emergency_ns[Command.SMB2_WRITE] == 1000 * MS
    assert not knobs.tracked_errors.any()
    assert (kernel_knobs(configured(e=TRACKED)).threshold_ns == NEVER_NS).all()


def test_the_recorder_is_the_kernels_business() -> None:
    guardian = Guardian(anomalies={"slow": Latency()})
    assert not kernel_knobs(Config(guardian=guardian)).matching_only
    assert kernel_knobs(Config(guardian=guardian, recorder=Recorder.MATCHING)).matching_only


def test_rules_come_in_the_order_of_the_file_with_the_actions_that_run() -> None:
    config = Config(
        guardian=Guardian(anomalies={"z": Error(actions=("dmesg", "stats")), "a": Latency()}),  # type: ignore[arg-type]
        watcher=Watcher(actions=("stats",)),  # type: ignore[arg-type]
    )
    made = rules(config)
    assert [(rule.name, type(rule)) for rule in made] == [("z", ErrorRule), ("a", LatencyRule)]
    assert made[0].actions == ("stats",)


def test_an_empty_stream_has_no_matches() -> None:
    for rule in rules(configured(a=Latency(), b=Error())):
        assert matches(rule, np.empty(0, DTYPE)).shape == (0,)
        assert emergencies(rule, np.empty(0, DTYPE)).shape == (0,)


@pytest.mark.parametrize(
    ("name", "value"),
    [("AOD_COMMANDS", COMMANDS), ("AOD_ERRNO_LIMIT", ERRNOS), ("AOD_EVENT_IN_FLIGHT", IN_FLIGHT)],
)
def test_the_tables_are_as_long_as_the_kernels(name: str, value: int) -> None:
    found = re.search(rf"\b{name} = (\d+)", EVENT_H.read_text())
    assert found is not None
    assert int(found[1]) == value
