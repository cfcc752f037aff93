"""From declarations to what people read."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from aod import spool
from aod.anomaly import Anomaly, AnomalyType, Rule
from aod.detectors.describe import MAX_WORST, describe, operations
from aod.detectors.window import MAX_EVIDENCE, Declaration
from aod.event import EVENT_DTYPE, Events
from aod.smb.commands import Command
from tests.unit.records import Record, error_rule, events, slow_rule

SECOND = 10**9
SLOW = slow_rule(20_000_000, name="slow", window_ns=SECOND)
OFFSET = 1_700_000_000 * SECOND


def declaration(evidence: Events, rule: Rule = Rule.COUNT, **changes: Any) -> Declaration:
    fields: dict[str, Any] = {"trigger_ns": 77, "count": 11, "suppressed": 3}
    return Declaration(rule=rule, evidence=evidence, **(fields | changes))


WORST = events(Record(5 * SECOND, 45_500_000, command=Command.SMB2_READ, mid=8))


def test_anomaly_has_what_the_declaration_and_the_rule_know() -> None:
    made = describe(SLOW, 0, declaration(WORST), OFFSET)
    assert made == Anomaly(
        anomaly=AnomalyType.LATENCY,
        timestamp=OFFSET + 77,
        name="slow",
        rule=Rule.COUNT,
        trigger_ns=77,
        window_ns=SECOND,
        count=11,
        acceptable_count=10,
        suppressed=3,
        reason="11 slow operations within 1 s, 10 are acceptable; "
        "worst: SMB2_READ of cp[4321] took 45.5 ms",
        actions=("dmesg",),
        worst=operations(WORST),
        evidence=WORST.tobytes(),
    )


def test_two_rules_that_one_record_triggers_make_two_names() -> None:
    timestamps = {describe(SLOW, index, declaration(WORST), OFFSET).timestamp for index in (0, 1)}
    assert len(timestamps) == 2


def test_failed_operations_are_told_with_their_status() -> None:
    failed = events(Record(5, 2_000_000, error=-13, status=0xC0000022, command=5))
    made = describe(error_rule("EACCES", window_ns=SECOND // 2), 0, declaration(failed), OFFSET)
    assert made.anomaly is AnomalyType.ERROR
    assert made.reason == (
        "11 failed operations within 0.5 s, 10 are acceptable; worst: SMB2_CREATE of cp[4321] "
        "took 2.0 ms and ended with STATUS_ACCESS_DENIED"
    )
    assert (made.worst[0].status, made.worst[0].error) == ("STATUS_ACCESS_DENIED", "EACCES")


def test_emergency_names_the_operation_that_hangs() -> None:
    hung = events(Record(5, 1_500_000_000, in_flight=True))
    reason = describe(SLOW, 0, declaration(hung, Rule.EMERGENCY), OFFSET).reason
    assert reason == (
        "one operation reached the emergency threshold; "
        "worst: SMB2_WRITE of cp[4321] in flight for 1500.0 ms"
    )


def test_only_the_worst_few_are_told_in_words_and_all_travel() -> None:
    evidence = events(*(Record(i, 10**9 - i, mid=i) for i in range(MAX_EVIDENCE)))
    made = describe(SLOW, 0, declaration(evidence), OFFSET)
    assert [one.mid for one in made.worst] == list(range(MAX_WORST))
    assert np.array_equal(np.frombuffer(made.evidence, EVENT_DTYPE), evidence)


def test_largest_anomaly_fits_into_a_spool_entry() -> None:
    strange = np.zeros(MAX_EVIDENCE, EVENT_DTYPE)
    strange["comm"] = b"\xff" * 16
    for name in ("end_ns", "latency_ns", "session_id", "mid", "tree_id", "pid", "status"):
        strange[name] = np.iinfo(strange.dtype[name]).max
    made = describe(SLOW, 0, declaration(strange), OFFSET)
    assert len(msgspec.json.encode(made)) < spool.MAX_ENTRY_BYTES // 10
    assert msgspec.json.decode(msgspec.json.encode(made), type=Anomaly) == made


def test_declaration_without_evidence_still_says_why() -> None:
    reason = describe(SLOW, 0, declaration(np.empty(0, EVENT_DTYPE)), OFFSET).reason
    assert reason == "11 slow operations within 1 s, 10 are acceptable"


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
    made = describe(SLOW, 0, declaration(record), OFFSET)
    assert made.worst[0].comm == shown
    assert len(made.reason.splitlines()) == 1


def test_numbers_without_a_name_are_shown_as_numbers() -> None:
    record = events(Record(5, 1, command=200, status=0xDEADBEEF, error=-4000))
    (shown,) = operations(record)
    assert shown.command == "command 200"
    assert "DEADBEEF" in shown.status.upper()
    assert shown.error == "errno 4000"


def test_operation_in_words_is_plain_json() -> None:
    (shown,) = json.loads(msgspec.json.encode(operations(WORST)))
    assert shown["in_flight"] is False
    assert shown["latency_ns"] == 45_500_000
