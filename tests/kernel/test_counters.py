"""The kernel's counters, read while programs count: exact, or with a doubt that is not exceeded."""

import threading

import numpy as np
import pytest

from tests.rig.ring import MakeRig, Rig, make_thresholds

CREATE, WRITE = 5, 9
RECORD_IN_RING = 72
LOOKS = 300


def _sums(rig: Rig) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Per command: records that are unexplained."""
    stats = rig.log.header["stats"]
    made = stats["finished"] + stats["unanswered_told"]
    lost = stats["dropped_ring_full"] + stats["dropped_simulated"]
    explained = stats["emitted"] + stats["filtered"] + lost
    return np.array(made - explained).astype(np.int64)


def _doubt(rig: Rig) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    stats = rig.log.header["stats"]
    return np.array(stats["begun"] - stats["ended"]).astype(np.int64)


@pytest.mark.parametrize("matching_only", [False, True])
def test_what_is_unexplained_is_never_more_than_the_doubt_at_full_speed(
    make_rig: MakeRig, matching_only: bool
) -> None:
    rig = make_rig(ring_bytes=1 << 20, thresholds=make_thresholds(matching_only=matching_only))
    stop = threading.Event()

    def produce() -> None:
        while not stop.is_set():
            rig.producer.load(20_000, command=WRITE)
            rig.producer.operate(2_000, command=CREATE)

    producer = threading.Thread(target=produce)
    producer.start()
    exact = moved = 0
    try:
        for number in range(LOOKS):
            before = int(rig.log.header["stats"]["started"].sum())
            rig.tracer.publish_stats(rig.log, number)
            assert (np.abs(_sums(rig)) <= _doubt(rig)).all()
            emitted = int(rig.log.header["stats"]["emitted"].sum()) * RECORD_IN_RING
            slack = int(_doubt(rig).sum()) * RECORD_IN_RING
            assert emitted <= int(rig.log.header["produced_to"])
            assert emitted + slack >= int(rig.log.header["produced_from"])
            exact += not _doubt(rig).any()
            moved += int(rig.log.header["stats"]["started"].sum()) > before
            if number % 10 == 0:
                rig.drain()
    finally:
        stop.set()
        producer.join()
    assert moved
    rig.tracer.publish_stats(rig.log, 1)
    assert not _sums(rig).any()
    assert not _doubt(rig).any()
    print(f"{exact} of {LOOKS} looks were exact, {moved} saw counters move")


def test_when_it_is_quiet_nothing_is_in_doubt(rig: Rig) -> None:
    rig.producer.load(100, command=WRITE)
    rig.tracer.publish_stats(rig.log, 1)
    assert not _sums(rig).any()
    assert not _doubt(rig).any()
    assert rig.log.header["produced_from"] == rig.log.header["produced_to"] == 7200


def test_in_flight_is_counted_by_command_and_when(rig: Rig) -> None:
    for mid in range(3):
        rig.producer.start(mid, CREATE)
    rig.producer.start(1, WRITE)
    assert rig.in_flight() == 4
    rig.tracer.publish_stats(rig.log, 1)
    head = rig.log.header
    assert (head["in_flight_of"][CREATE], head["in_flight_of"][WRITE]) == (3, 1)
    assert head["stats_seq"] % 2 == 0


def test_who_is_killed_while_he_gives_up_leaves_one_operation_uncertain(rig: Rig) -> None:
    rig.tracer._control.giving_up = CREATE + 1
    rig.tracer.adopt_log(rig.log)
    rig.tracer.publish_stats(rig.log, 1)
    assert rig.log.header["uncertain"].tolist() == [int(one == CREATE) for one in range(32)]
    assert rig.tracer._control.giving_up == 0


def test_a_log_says_where_its_records_came_from(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.producer.load(5, command=WRITE)
    rig.drain()
    rig.producer.start(1, CREATE)
    rig.tracer.scan_in_flight(rig.log, 1 << 62, 1 << 62, [1 << 62] * 32)
    rig.producer.load(2, command=WRITE)
    rig.drain()
    seq = int(rig.log.header["commit_seq"])
    commit = rig.log.header["commit"][seq % 2]
    assert commit["log_position"] == 7 + commit["appended"]
    assert commit["ring_position"] == 7 * RECORD_IN_RING


def test_what_hangs_is_seen_by_the_successor_of_a_collector_that_was_killed_as_it_looked(
    rig: Rig,
) -> None:
    """The mark was taken, the map was not looked at; nothing starts any more that would set it."""
    rig.producer.start(1, CREATE)
    rig.tracer._control.busy = 0
    rig.tracer.adopt_log(rig.log)
    assert rig.in_flight() == 1
