"""The rules of a configuration, and the kernel's thresholds against them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aod.config.rules import kernel_thresholds, rules
from aod.config.schema import AnomalyConfig, Config, Guardian, Recorder, Watcher
from aod.detectors.api import NOT_FINISHED
from aod.detectors.connection import Connection
from aod.detectors.error import Error, ErrorRule
from aod.detectors.latency import Latency, LatencyRule, TrackedCommand
from aod.event import COMMANDS, ERRNO_LIMIT, Events
from aod.kernel.thresholds import NEVER_NS
from aod.settings import Mode
from aod.smb.commands import Command
from tests.unit.detectors.test_error import TRACKED, failing_streams, failures
from tests.unit.detectors.test_latency import latencies, slow_streams
from tests.unit.ruling import MS, configured, stream


@given(
    st.lists(latencies() | failures(), min_size=1, max_size=3), slow_streams() | failing_streams()
)
def test_the_kernel_wakes_for_everything_that_a_rule_matches(
    anomalies: list[AnomalyConfig], records: Events
) -> None:
    config = configured(**{f"a{n}": anomaly for n, anomaly in enumerate(anomalies)})
    records = records[(records["command"] < COMMANDS) & (records["error"] > -ERRNO_LIMIT)]
    thresholds = kernel_thresholds(config)
    command, latency_ns = records["command"], records["latency_ns"]
    finished = (records["flags"] & NOT_FINISHED) == 0
    woken = finished & (latency_ns > thresholds.threshold_ns[command])
    woken |= latency_ns >= thresholds.emergency_ns[command]
    number = -records["error"].astype(np.int64)
    bits = thresholds.tracked_errors[number // 64] >> (number % 64).astype(np.uint64)
    woken |= (bits & np.uint64(1)).astype(np.bool_)
    for rule in rules(config):
        assert not (rule.matches(records) & ~woken).any()


def test_the_kernels_errors_are_the_tracked_ones_and_no_more() -> None:
    bits = np.unpackbits(
        kernel_thresholds(configured(e=TRACKED)).tracked_errors.view("u1"), bitorder="little"
    )
    assert np.flatnonzero(bits).tolist() == [5, 11, 13]


def test_a_tracked_status_may_come_as_any_error() -> None:
    anomaly = Error(mode=Mode.TRACKONLY, track_codes=("STATUS_DISK_FULL",))
    words = kernel_thresholds(configured(e=anomaly)).tracked_errors
    assert words[0] == 2**64 - 2  # all but 0, which is success
    assert (words[1:] == 2**64 - 1).all()


def test_the_kernel_has_the_lowest_threshold_of_all_rules() -> None:
    writes = (TrackedCommand(command="SMB2_WRITE", threshold=5),)
    tight = Latency(mode=Mode.TRACKONLY, track_commands=writes, emergency_threshold_ms=None)
    thresholds = kernel_thresholds(configured(a=Latency(), b=tight))
    assert thresholds.threshold_ns[Command.SMB2_WRITE] == 5 * MS
    assert thresholds.threshold_ns[Command.SMB2_READ] == 20 * MS
    assert thresholds.emergency_ns[Command.SMB2_WRITE] == 1000 * MS
    assert not thresholds.tracked_errors.any()
    assert (kernel_thresholds(configured(e=TRACKED)).threshold_ns == NEVER_NS).all()


def test_the_ages_at_which_operations_are_told_in_flight_are_those_of_every_rule() -> None:
    patient = Latency(emergency_threshold_ms=5000)
    thresholds = kernel_thresholds(configured(a=Latency(), b=patient, c=Latency(), d=Error()))
    told = sorted(int(table[Command.SMB2_READ]) for table in thresholds.hanging_ns)
    assert told == [1000 * MS, 5000 * MS, NEVER_NS]
    assert thresholds.emergency_ns[Command.SMB2_READ] == 1000 * MS


def test_the_recorder_is_the_kernels_business() -> None:
    guardian = Guardian(anomalies={"slow": Latency()})
    assert not kernel_thresholds(Config(guardian=guardian)).matching_only
    assert kernel_thresholds(Config(guardian=guardian, recorder=Recorder.MATCHING)).matching_only


def test_rules_come_in_the_order_of_the_file_with_the_actions_that_run() -> None:
    config = Config(
        guardian=Guardian(anomalies={"z": Error(actions=("dmesg", "stats")), "a": Latency()}),  # type: ignore[arg-type]
        watcher=Watcher(actions=("stats",)),  # type: ignore[arg-type]
    )
    made = rules(config)
    assert [(rule.frame.name, type(rule)) for rule in made] == [
        ("z", ErrorRule),
        ("a", LatencyRule),
    ]
    assert made[0].frame.actions == ("stats",)


def test_an_empty_stream_has_no_matches() -> None:
    for rule in rules(configured(a=Latency(), b=Error(), c=Connection())):
        assert rule.matches(stream([])).shape == (0,)
        assert rule.emergencies(stream([])).shape == (0,)
