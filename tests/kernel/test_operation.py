"""ebpf/operation.bpf.h: what becomes of an operation, in the real kernel's maps and ring."""

import errno
import time
from dataclasses import replace

import numpy as np
import pytest

from aod.event import IN_FLIGHT, MATCHED
from aod.smb.commands import Command
from tests.rig.ring import MakeRig, Rig, make_thresholds

CREATE, CLOSE, READ = Command.SMB2_CREATE, Command.SMB2_CLOSE, Command.SMB2_READ
QUERY, SETUP, ECHO = Command.SMB2_QUERY_INFO, Command.SMB2_SESSION_SETUP, Command.SMB2_ECHO
ACCESS_DENIED = 0xC0000022


def test_finished_operation_makes_a_record_of_the_starting_task(rig: Rig) -> None:
    rig.producer.start(7, CREATE, session=3, tree=9, pid=42, tid=43, comm=b"backup")
    rig.producer.finish(
        7, CREATE, session=3, tree=0, pid=1, tid=1, status=ACCESS_DENIED, error=-errno.EACCES
    )
    assert rig.drain() == 1
    record = rig.log.view(0, 1)[0]
    assert (record["session_id"], record["mid"], record["tree_id"], record["pid"]) == (3, 7, 9, 42)
    assert (record["command"], record["status"], record["error"]) == (CREATE, ACCESS_DENIED, -13)
    assert record["comm"] == b"backup"
    assert 0 < record["latency_ns"] < record["end_ns"]


def test_end_without_start_makes_no_record(rig: Rig) -> None:
    rig.producer.finish(7, CREATE)
    assert rig.drain() == 0
    assert rig.stat("orphaned", CREATE) == 1
    assert rig.stat("finished", CREATE) == 0


def test_second_end_of_an_operation_is_no_second_record(rig: Rig) -> None:
    rig.producer.start(7, CREATE)
    rig.producer.finish(7, CREATE)
    rig.producer.finish(7, CREATE)
    assert rig.drain() == 1
    assert rig.stat("orphaned", CREATE) == 1


def test_failed_compound_leaves_nothing_in_flight(rig: Rig) -> None:
    for mid, command in ((1, CREATE), (2, QUERY), (3, CLOSE)):
        rig.producer.start(mid, command)
    rig.producer.finish(1, CREATE, status=ACCESS_DENIED, error=-errno.EACCES)
    assert rig.in_flight() == 0
    assert rig.drain() == 1
    assert rig.stat("unanswered", QUERY) == 1
    assert rig.stat("unanswered", CLOSE) == 1


def test_failed_compound_whose_end_is_told_twice(rig: Rig) -> None:
    """Debian 6.12: the reader thread reports it first, then the task that waits."""
    for mid, command in ((1, CREATE), (2, QUERY), (3, CLOSE)):
        rig.producer.start(mid, command, tid=100)
    rig.producer.finish(1, CREATE, tid=999, error=-errno.ENOENT)
    assert rig.in_flight() == 2
    rig.producer.finish(1, CREATE, tid=100, error=-errno.ENOENT)
    assert rig.in_flight() == 0
    assert rig.drain() == 1


def test_compound_that_fails_in_its_middle(rig: Rig) -> None:
    for mid, command in ((1, CREATE), (2, QUERY), (3, CLOSE)):
        rig.producer.start(mid, command)
    rig.producer.finish(1, CREATE)
    rig.producer.finish(2, QUERY, error=-errno.EIO)
    assert rig.in_flight() == 0
    assert (rig.drain(), rig.stat("unanswered", CLOSE)) == (2, 1)


def test_whole_compound_leaves_no_unanswered(rig: Rig) -> None:
    for first in (1, 4):
        for mid, command in ((first, CREATE), (first + 1, QUERY), (first + 2, CLOSE)):
            rig.producer.start(mid, command)
        for mid, command in ((first, CREATE), (first + 1, QUERY), (first + 2, CLOSE)):
            rig.producer.finish(mid, command)
    assert rig.drain() == 6
    assert [rig.stat("unanswered", command) for command in (CREATE, QUERY, CLOSE)] == [0, 0, 0]


def test_killed_waiter_is_noticed_when_its_thread_goes_on(rig: Rig) -> None:
    rig.producer.start(1, QUERY)
    rig.producer.start(2, CREATE)
    rig.producer.finish(2, CREATE)
    assert rig.in_flight() == 1
    rig.producer.start(3, CREATE)
    assert rig.in_flight() == 1
    assert rig.stat("unanswered", QUERY) == 1


def test_asynchronous_reads_do_not_end_each_other(rig: Rig) -> None:
    for mid in (1, 2, 3):
        rig.producer.start(mid, READ, tid=100)
    rig.producer.finish(1, READ, tid=100, error=-errno.EIO)
    assert rig.in_flight() == 2
    rig.producer.start(4, READ, tid=100)
    for mid in (2, 3, 4):
        rig.producer.finish(mid, READ, tid=7)
    assert rig.drain() == 4
    assert rig.stat("unanswered", READ) == 0


def test_threads_do_not_end_each_other(rig: Rig) -> None:
    rig.producer.start(1, QUERY, tid=100)
    rig.producer.start(2, CREATE, tid=200)
    rig.producer.finish(2, CREATE, tid=200, error=-errno.EIO)
    rig.producer.start(3, CREATE, tid=200)
    assert rig.in_flight() == 2
    assert rig.stat("unanswered", QUERY) == 0


def test_reused_mid_counts_the_first_as_unanswered(rig: Rig) -> None:
    rig.producer.start(1, READ)
    rig.producer.start(1, READ)
    rig.producer.finish(1, READ)
    assert rig.drain() == 1
    assert (rig.stat("started", READ), rig.stat("unanswered", READ)) == (2, 1)


def test_first_session_setup_is_found_under_session_zero(rig: Rig) -> None:
    rig.producer.start(1, SETUP, session=0)
    rig.producer.finish(1, SETUP, session=77, status=0xC0000016, error=-errno.EIO)
    assert rig.drain() == 1
    assert rig.log.view(0, 1)[0]["session_id"] == 77
    assert rig.in_flight() == 0


def test_echo_is_counted_and_not_tracked(rig: Rig) -> None:
    rig.producer.start(1, ECHO)
    assert rig.in_flight() == 0
    assert (rig.stat("started", ECHO), rig.stat("untimed", ECHO)) == (1, 1)


def test_full_in_flight_map_keeps_the_oldest_and_counts(rig: Rig) -> None:
    for mid in range(1030):
        rig.producer.start(mid, READ)
    lost = rig.stat("dropped_inflight_full", READ)
    assert lost > 0
    assert rig.in_flight() == 1030 - lost
    rig.producer.finish(0, READ)
    assert rig.drain() == 1


@pytest.mark.parametrize(
    ("threshold_ms", "errors", "error", "matched"),
    [(20, (), 0, 0), (0.000001, (), 0, MATCHED), (-1, (13,), -13, MATCHED), (-1, (13,), -2, 0)],
)
def test_match_follows_the_thresholds(
    make_rig: MakeRig,
    threshold_ms: float,
    errors: tuple[int, ...],
    error: int,
    matched: int,
) -> None:
    rig = make_rig(thresholds=make_thresholds(threshold_ms=threshold_ms, errors=errors))
    rig.producer.start(1, CREATE)
    rig.producer.finish(1, CREATE, error=error)
    rig.drain()
    assert rig.log.view(0, 1)[0]["flags"] == matched
    rig.tracer.close()


def test_thresholds_change_under_the_running_programs(rig: Rig) -> None:
    rig.producer.operate(1)
    rig.tracer.set_thresholds(make_thresholds(threshold_ms=0))
    rig.producer.operate(1, first_mid=1)
    rig.drain()
    assert rig.log.view(0, 2)["flags"].tolist() == [0, MATCHED]


def test_matching_only_records_matches_and_counts_the_rest(rig: Rig) -> None:
    rig.tracer.set_thresholds(make_thresholds(matching_only=True, errors=(errno.EACCES,)))
    rig.producer.operate(10)
    rig.producer.operate(1, first_mid=100, error=-errno.EACCES)
    assert rig.drain() == 1
    assert rig.stat("filtered", CREATE) == 10


def test_histogram_counts_every_finished_operation(rig: Rig) -> None:
    rig.producer.operate(500)
    rig.tracer.publish_stats(rig.log, 1)
    assert rig.log.header["stats"]["latency_slots"][CREATE].sum() == 500


def test_hung_operation_is_told_once(rig: Rig) -> None:
    rig.producer.start(5, READ, pid=42, comm=b"cp")
    start_ns = time.monotonic_ns()
    second = 10**9
    never = [1 << 63] * 32
    assert len(rig.tracer.scan_in_flight(rig.log, 100, start_ns - 1, never)) == 0
    found = rig.tracer.scan_in_flight(rig.log, 100, start_ns + second, never)
    assert (found["mid"].tolist(), found["comm"].tolist()) == ([5], [b"cp"])
    assert found["flags"][0] & IN_FLIGHT
    assert found["latency_ns"][0] >= second
    assert len(rig.tracer.scan_in_flight(rig.log, 100, start_ns + 2 * second, never)) == 0
    assert rig.log.position == 1


def test_hung_operation_is_told_at_the_age_that_each_rule_wants(rig: Rig) -> None:
    second = 10**9
    tables = (np.full(32, second, np.uint64), np.full(32, 5 * second, np.uint64))
    rig.tracer.set_thresholds(replace(rig.thresholds, hanging_ns=tables))
    rig.producer.start(5, READ)
    start_ns = time.monotonic_ns()
    never = [1 << 63] * 32
    found = [
        len(rig.tracer.scan_in_flight(rig.log, 100, start_ns + age * second, never))
        for age in (0, 1, 2, 4, 5, 6)
    ]
    assert found == [0, 1, 0, 0, 1, 0]


def test_operation_that_nobody_answers_is_given_up(rig: Rig) -> None:
    rig.producer.start(5, READ)
    now = time.monotonic_ns() + 10**9
    rig.tracer.scan_in_flight(rig.log, 100, now, [10**9] * 32)
    rig.tracer.publish_stats(rig.log, 1)
    assert int(rig.log.header["gave_up"][READ]) == 1
    assert rig.in_flight() == 0
