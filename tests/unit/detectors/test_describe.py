"""From declarations to what people read."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from aod.anomaly import Anomaly, Breakdown, Cause, Part
from aod.detectors.connection import Connection
from aod.detectors.describe import (
    MAX_EVIDENCE,
    MAX_WORST,
    broken_down,
    describe,
    operations,
    sentence,
)
from aod.detectors.window import MAX_RECENT, MAX_TIMES, Declaration
from aod.event import CONNECTION, EVENT_DTYPE, NO_EVENTS, UNANSWERED, Events
from aod.smb.commands import Command, ConnectionEvent
from aod.smb.peers import Names
from aod.state import spool
from tests.unit.records import Record, error_rule, events, frame, slow_rule

SECOND = 10**9
SLOW = slow_rule(20_000_000, SECOND, window_ns=SECOND)
OFFSET = 1_700_000_000 * SECOND


TOLD = Names({(1, 5): r"\\files\home"}, {3: "files"})


def declaration(matched: Events, rule: Cause = Cause.COUNT, **changes: Any) -> Declaration:
    fields: dict[str, Any] = {"trigger_ns": 77, "count": 11, "suppressed": 3, "ended": NO_EVENTS}
    return Declaration(rule=rule, matched=matched, **(fields | changes))


READ = Record(5 * SECOND, 45_500_000, command=Command.SMB2_READ, mid=8)
ONE = events(READ)


def test_anomaly_has_what_the_declaration_and_the_rule_know() -> None:
    made = describe(SLOW, 0, declaration(ONE), OFFSET, TOLD)
    assert made == Anomaly(
        anomaly="Latency",
        timestamp=OFFSET + 77,
        name="slow",
        rule=Cause.COUNT,
        trigger_ns=77,
        window_ns=SECOND,
        count=11,
        acceptable_count=10,
        suppressed=3,
        reason=r"11 slow operations in 1 s, limit 10: SMB2_READ; on \\files\home; "
        "by cp[4321]; worst: SMB2_READ of cp[4321] took 45.5 ms, more than 20 ms",
        actions=("dmesg",),
        worst=operations(ONE, TOLD),
        breakdown=Breakdown(
            records=1,
            commands=(Part("SMB2_READ", 1),),
            statuses=(Part("STATUS_SUCCESS", 1),),
            sessions=(Part("0x1", 1),),
            trees=(Part(r"\\files\home", 1),),
            tasks=(Part("cp[4321]", 1),),
        ),
        evidence=ONE.tobytes(),
    )


def test_two_rules_that_one_record_triggers_make_two_names() -> None:
    made = [describe(SLOW, index, declaration(ONE), OFFSET, Names()) for index in (0, 1)]
    assert len({one.timestamp for one in made}) == 2


def test_the_breakdown_counts_what_the_matches_have_in_common() -> None:
    rows = [READ._replace(mid=i, command=9 if i % 3 else 8) for i in range(6)]
    made = broken_down(operations(events(*rows), Names()))
    assert made.commands == (Part("SMB2_WRITE", 4), Part("SMB2_READ", 2))
    assert made.trees == (Part("tree 0x5 of session 0x1", 6),)


def test_a_part_has_at_most_ten_names_and_the_sentence_three() -> None:
    rows = [READ._replace(mid=i, command=i) for i in range(12)]
    made = describe(SLOW, 0, declaration(events(*rows)), OFFSET, Names())
    assert len(made.breakdown.commands) == 10
    assert made.breakdown.records == 12
    said = made.reason.split("limit 10: ")[1].split(";")[0]
    assert said == "SMB2_CLOSE 1, SMB2_CREATE 1, SMB2_FLUSH 1, ..."


def test_failed_operations_are_told_with_their_status() -> None:
    failed = events(Record(5, 2_000_000, error=-13, status=0xC0000022, command=5))
    rule = error_rule("EACCES", window_ns=SECOND // 2)
    made = describe(rule, 0, declaration(failed), OFFSET, Names())
    assert made.anomaly == "Error"
    assert made.reason == (
        "11 failed operations in 0.5 s, limit 10: SMB2_CREATE; on tree 0x5 of "
        "session 0x1; by cp[4321]; worst: SMB2_CREATE of cp[4321] took 2.0 ms and ended with "
        "STATUS_ACCESS_DENIED"
    )
    assert (made.worst[0].status, made.worst[0].error) == ("STATUS_ACCESS_DENIED", "EACCES")


def test_emergency_names_the_operation_that_hangs_longest_and_counts_the_others() -> None:
    hung = events(*(Record(77, SECOND + i * 10**8, mid=i, in_flight=True) for i in range(3)))
    reason = describe(SLOW, 0, declaration(hung, Cause.EMERGENCY), OFFSET, TOLD).reason
    assert reason == (
        "SMB2_WRITE of cp[4321] in flight for 1,200.0 ms, emergency threshold 1,000 ms; "
        r"on \\files\home, and 2 more"
    )


def test_emergency_is_about_the_operation_that_declared_it() -> None:
    slower_before = Record(70, 3 * SECOND, mid=1)
    matched = events(slower_before, Record(77, 2 * SECOND, mid=2))
    reason = describe(SLOW, 0, declaration(matched, Cause.EMERGENCY), OFFSET, Names()).reason
    assert reason.startswith("SMB2_WRITE of cp[4321] took 2,000.0 ms, emergency threshold 1,000 ms")


def test_what_happened_to_a_connection_is_told_with_its_server() -> None:
    made = lost(events(Record(77, 0, session_id=3, command=ConnectionEvent.RECONNECT)))
    assert made.reason == "connection to files lost, reconnecting"
    assert (made.worst[0].state, made.worst[0].share) == ("event", "files")


def lost(happened: Events) -> Anomaly:
    happened["flags"] = CONNECTION
    rule = Connection().rule(frame("Connection", "lost", acceptable_count=0, window_ns=SECOND))
    return describe(rule, 0, declaration(happened, count=len(happened)), OFFSET, TOLD)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ConnectionEvent.RECONNECT, "connection to unknown server (0x7) lost, reconnecting"),
        (
            ConnectionEvent.SEND_CUT,
            "connection to unknown server (0x7) lost while sending, reconnecting",
        ),
        (
            ConnectionEvent.SESSION_EXPIRED,
            "session for unknown server (0x7) expired, new logon needed",
        ),
        (
            ConnectionEvent.CREDIT_TIMEOUT,
            "unknown server (0x7) granted no credits for too long",
        ),
        (
            ConnectionEvent.CREDITS_SHORT,
            "unknown server (0x7) granted too few credits for a compound request",
        ),
        (ConnectionEvent.CONNECT_FAILED, "connection to unknown server (0x7) failed"),
    ],
)
def test_each_connection_event_has_its_sentence(event: ConnectionEvent, reason: str) -> None:
    assert lost(events(Record(77, 0, session_id=7, command=event))).reason == reason


def test_an_expired_session_is_named_by_its_share_and_a_failed_connect_by_its_errno() -> None:
    expired = Record(77, 0, session_id=1, command=ConnectionEvent.SESSION_EXPIRED)
    assert lost(events(expired)).reason == r"session for \\files\home expired, new logon needed"
    refused = Record(77, 0, session_id=3, error=-111, command=ConnectionEvent.CONNECT_FAILED)
    assert lost(events(refused)).reason == "connection to files failed (ECONNREFUSED)"


def test_an_expiry_that_was_held_back_tells_for_how_long() -> None:
    late = Record(77, 5 * 10**9, session_id=1, command=ConnectionEvent.SESSION_EXPIRED)
    assert lost(events(late)).reason == r"session for \\files\home expired, no new logon in 5 s"


def test_an_event_that_nobody_knows_has_a_sentence_too() -> None:
    (known,) = operations(events(Record(77, 0, session_id=3)), TOLD)
    unknown = msgspec.structs.replace(known, command="{x}", state="event", share="files")
    assert sentence(unknown) == "{x}, files"


def test_several_connection_events_are_counted() -> None:
    cut = Record(77, 0, session_id=3, command=ConnectionEvent.RECONNECT)
    expired = Record(78, 0, session_id=1, command=ConnectionEvent.SESSION_EXPIRED)
    assert lost(events(cut, expired, cut)).reason == (
        "3 connection events in 1 s, limit 0: connection to files lost, reconnecting (2); "
        r"session for \\files\home expired, new logon needed (1)"
    )


def test_one_operation_is_told_without_a_count() -> None:
    made = describe(SLOW, 0, declaration(ONE, count=1), OFFSET, TOLD)
    assert made.reason == r"SMB2_READ of cp[4321] took 45.5 ms, more than 20 ms; on \\files\home"


def test_an_operation_that_was_never_answered_says_so() -> None:
    given_up = events(Record(77, 2 * SECOND))
    given_up["flags"] = UNANSWERED
    (shown,) = operations(given_up, Names())
    assert (shown.state, shown.status) == ("never answered", "")
    assert sentence(shown) == ("SMB2_WRITE of cp[4321] ended without an answer after 2,000.0 ms")


def test_how_hanging_operations_ended_is_told() -> None:
    made = describe(SLOW, 0, declaration(ONE, ended=ONE), OFFSET, TOLD)
    assert made.ended == operations(ONE, TOLD)


def test_a_count_that_has_reached_its_end_is_called_more_than_that() -> None:
    reason = describe(SLOW, 0, declaration(ONE, count=MAX_TIMES), OFFSET, Names()).reason
    assert reason.startswith("more than 131,072 slow operations in 1 s")


def test_only_the_worst_few_are_told_in_words_and_all_travel() -> None:
    matched = events(*(Record(i, 10**9 - i, mid=i) for i in range(MAX_EVIDENCE + 9)))
    made = describe(SLOW, 0, declaration(matched), OFFSET, Names())
    assert [one.mid for one in made.worst] == list(range(MAX_WORST))
    assert np.array_equal(np.frombuffer(made.evidence, EVENT_DTYPE), matched[:MAX_EVIDENCE])


def test_largest_anomaly_fits_into_a_spool_entry() -> None:
    strange = np.zeros(MAX_RECENT, EVENT_DTYPE)
    strange["comm"] = b"\xff" * 16
    for name in ("end_ns", "latency_ns", "session_id", "mid", "tree_id", "pid", "status"):
        strange[name] = np.iinfo(strange.dtype[name]).max
    made = describe(SLOW, 0, declaration(strange, ended=strange[:64]), OFFSET, Names())
    assert len(msgspec.json.encode(made)) < spool.MAX_ENTRY_BYTES // 10
    assert msgspec.json.decode(msgspec.json.encode(made), type=Anomaly) == made


@pytest.mark.parametrize(
    ("comm", "shown"),
    [
        (b"a\n<2>aod: b", "a?<2>aod: b"),
        (b"\x1b[31mred", "?[31mred"),
        ("büro".encode(), "büro"),
        (b"\xff\xfe", "��"),
        (b"a\x85b\xe2\x80\xa8c", "a�b?c"),
        (b"", ""),
    ],
)
def test_name_that_a_task_gives_itself_stays_in_its_line(comm: bytes, shown: str) -> None:
    record = events(Record(5, 30_000_000))
    record["comm"] = comm
    made = describe(SLOW, 0, declaration(record), OFFSET, Names())
    assert made.worst[0].comm == shown
    assert len(made.reason.splitlines()) == 1


def test_numbers_without_a_name_are_shown_as_numbers() -> None:
    record = events(Record(5, 1, command=200, status=0xDEADBEEF, error=-4000))
    (shown,) = operations(record, Names())
    assert shown.command == "command 200"
    assert "DEADBEEF" in shown.status.upper()
    assert shown.error == "errno 4000"


def test_operation_in_words_is_plain_json() -> None:
    (shown,) = json.loads(msgspec.json.encode(operations(ONE, Names())))
    assert shown["state"] == "finished"
    assert shown["latency_ns"] == 45_500_000
