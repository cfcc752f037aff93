"""Unanswered operations: each is recognised once, and recorded as such if it may have been recorded
in flight before."""

import errno
import time

import pytest

from aod.event import IN_FLIGHT, MATCHED, UNANSWERED, Events
from aod.smb.commands import Command
from tests.rig.ring import MakeRig, Rig, make_thresholds

CREATE, QUERY, CLOSE = Command.SMB2_CREATE, Command.SMB2_QUERY_INFO, Command.SMB2_CLOSE
READ, ECHO = Command.SMB2_READ, Command.SMB2_ECHO
ENTRY = 0xFFFF_8880_0000_1000
OTHER_ENTRY = ENTRY + 256
OLD_NS = 60 * 10**9


@pytest.fixture
def impatient(make_rig: MakeRig) -> Rig:
    """Where every operation has been in flight for long enough to have been recorded."""
    return make_rig(thresholds=make_thresholds(emergency_ms=0))


def _records(rig: Rig) -> Events:
    """The records of operations that were never answered, drained now."""
    start = rig.log.position
    rig.drain()
    events = rig.log.view(start, rig.log.position - start)
    found: Events = events[(events["flags"] & UNANSWERED) != 0]
    return found


def _account(rig: Rig, command: int) -> tuple[int, int]:
    return rig.stat("unanswered", command), rig.stat("unanswered_told", command)


def test_record_is_that_of_the_start_with_its_age(impatient: Rig) -> None:
    impatient.producer.start(5, READ, session=3, tree=9, pid=42, comm=b"backup")
    before_ns = time.monotonic_ns()
    impatient.producer.start(5, READ, session=3, tree=7, pid=1, comm=b"other")
    after_ns = time.monotonic_ns()
    (record,) = _records(impatient)
    assert (record["session_id"], record["mid"], record["tree_id"]) == (3, 5, 9)
    assert (record["pid"], record["comm"], record["command"]) == (42, b"backup", READ)
    assert (record["flags"], record["status"], record["error"]) == (UNANSWERED | MATCHED, 0, 0)
    assert before_ns < record["end_ns"] < after_ns
    assert 0 < record["end_ns"] - record["latency_ns"] < before_ns
    assert _account(impatient, READ) == (1, 1)


def test_rest_of_a_failed_compound_is_told(impatient: Rig) -> None:
    for mid, command in ((1, CREATE), (2, QUERY), (3, CLOSE)):
        impatient.producer.start(mid, command)
    impatient.producer.finish(1, CREATE, error=-errno.EIO)
    assert _records(impatient)["command"].tolist() == [QUERY, CLOSE]
    assert [_account(impatient, command) for command in (QUERY, CLOSE)] == [(1, 1), (1, 1)]


def test_young_operation_is_counted_and_not_records(rig: Rig) -> None:
    rig.producer.start(5, READ)
    rig.producer.start(5, READ)
    assert len(_records(rig)) == 0
    assert _account(rig, READ) == (1, 0)


def test_what_is_told_is_a_record_or_a_counted_drop(make_rig: MakeRig) -> None:
    rig = make_rig(ring_bytes=4096, thresholds=make_thresholds(emergency_ms=0))
    for _ in range(101):
        rig.producer.start(5, READ)
    emitted, dropped = rig.stat("emitted", READ), rig.stat("dropped_ring_full", READ)
    assert emitted + dropped == rig.stat("unanswered_told", READ) == 100
    assert dropped > 0
    assert len(_records(rig)) == emitted


def test_released_operation_that_had_no_answer_is_unanswered(impatient: Rig) -> None:
    impatient.producer.start(5, READ, session=3)
    impatient.producer.queue(ENTRY, 5, READ, session=3)
    impatient.producer.release(ENTRY)
    assert impatient.in_flight() == 0
    assert _records(impatient)["mid"].tolist() == [5]
    assert _account(impatient, READ) == (1, 1)


def test_released_operation_that_was_answered_is_not(impatient: Rig) -> None:
    impatient.producer.start(5, READ)
    impatient.producer.queue(ENTRY, 5, READ)
    impatient.producer.finish(5, READ)
    impatient.producer.release(ENTRY)
    assert len(_records(impatient)) == 0
    assert (impatient.stat("finished", READ), _account(impatient, READ)) == (1, (0, 0))


def test_chain_and_release_count_an_operation_once(impatient: Rig) -> None:
    for number, (mid, command) in enumerate(((1, CREATE), (2, QUERY), (3, CLOSE))):
        impatient.producer.start(mid, command)
        impatient.producer.queue(ENTRY + number, mid, command)
    impatient.producer.finish(1, CREATE, error=-errno.ENOENT)
    for number in range(3):
        impatient.producer.release(ENTRY + number)
    assert impatient.in_flight() == 0
    assert _records(impatient)["command"].tolist() == [QUERY, CLOSE]
    counted = [_account(impatient, command) for command in (CREATE, QUERY, CLOSE)]
    assert counted == [(0, 0), (1, 1), (1, 1)]


def test_late_release_does_not_end_a_later_operation_of_the_same_mid(impatient: Rig) -> None:
    """After a reconnect the mids begin again; the old entries may be released after that."""
    impatient.producer.start(5, READ)
    impatient.producer.queue(ENTRY, 5, READ)
    impatient.producer.start(5, READ)
    impatient.producer.queue(OTHER_ENTRY, 5, READ)
    impatient.producer.release(ENTRY)
    assert impatient.in_flight() == 1
    impatient.producer.finish(5, READ)
    impatient.producer.release(OTHER_ENTRY)
    assert (impatient.stat("finished", READ), _account(impatient, READ)) == (1, (1, 1))


def test_entry_whose_memory_is_used_again_stands_for_its_last_operation(impatient: Rig) -> None:
    impatient.producer.start(5, READ)
    impatient.producer.queue(ENTRY, 5, READ)
    impatient.producer.start(6, READ)
    impatient.producer.queue(ENTRY, 6, READ)
    impatient.producer.release(ENTRY)
    assert _records(impatient)["mid"].tolist() == [6]
    assert impatient.in_flight() == 1


def test_entries_of_what_is_not_tracked_are_of_no_interest(impatient: Rig) -> None:
    impatient.producer.start(5, ECHO)
    impatient.producer.queue(ENTRY, 5, ECHO)
    impatient.producer.release(ENTRY)
    impatient.producer.release(OTHER_ENTRY)
    assert len(_records(impatient)) == 0
    assert _account(impatient, ECHO) == (0, 0)


def test_operation_that_is_given_up_by_age_is_records(rig: Rig) -> None:
    rig.producer.start(5, READ, session=3, tree=9, pid=42, comm=b"backup")
    now_ns = time.monotonic_ns() + OLD_NS
    (record,) = rig.tracer.scan_in_flight(rig.log, 100, now_ns, [OLD_NS] * 32)
    assert (record["flags"], record["mid"], record["pid"]) == (UNANSWERED | MATCHED, 5, 42)
    assert (record["end_ns"], record["comm"]) == (now_ns, b"backup")
    assert rig.log.view(0, 1)[0] == record
    assert rig.in_flight() == 0
    assert int(rig.log.header["gave_up"][READ]) == 0
    rig.tracer.publish_stats(rig.log, 1)
    assert int(rig.log.header["gave_up"][READ]) == 1
    assert _account(rig, READ) == (0, 0)


def test_operation_that_is_no_emergency_is_given_up_without_a_word(make_rig: MakeRig) -> None:
    rig = make_rig(thresholds=make_thresholds(emergency_ms=2 * OLD_NS / 10**6))
    rig.producer.start(5, READ)
    now_ns = time.monotonic_ns() + OLD_NS
    assert len(rig.tracer.scan_in_flight(rig.log, 100, now_ns, [OLD_NS] * 32)) == 0
    assert rig.in_flight() == 0


def test_nothing_is_given_up_that_cannot_be_records(rig: Rig) -> None:
    for mid in range(10):
        rig.producer.start(mid, READ)
    now_ns = time.monotonic_ns() + OLD_NS
    found = rig.tracer.scan_in_flight(rig.log, 4, now_ns, [OLD_NS] * 32)
    assert (len(found), rig.in_flight()) == (4, 6)
    found = rig.tracer.scan_in_flight(rig.log, 100, now_ns, [OLD_NS] * 32)
    assert (len(found), rig.in_flight()) == (6, 0)
    assert sorted(rig.log.view(0, 10)["mid"].tolist()) == list(range(10))


def test_start_in_the_record_is_the_same_while_it_hangs_and_when_it_is_given_up(
    impatient: Rig,
) -> None:
    """How a reader knows that the two speak of one operation."""
    impatient.producer.start(5, READ)
    (hanging,) = impatient.tracer.scan_in_flight(
        impatient.log, 100, time.monotonic_ns(), [OLD_NS] * 32
    )
    hanging = hanging.copy()
    impatient.producer.start(5, READ)
    (given_up,) = _records(impatient)
    assert (hanging["flags"], given_up["flags"]) == (IN_FLIGHT | MATCHED, UNANSWERED | MATCHED)
    starts = [int(one["end_ns"] - one["latency_ns"]) for one in (hanging, given_up)]
    assert starts[0] == starts[1]
