"""Messages go out and come back; a stranger's bytes are refused, never believed, never fatal."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.anomaly import Anomaly, AnomalyType, Breakdown, Cause, Operation, Part, Relation
from aod.event import EVENT_DTYPE
from aod.text import one_line
from aod.transport.wire import (
    TAKES,
    Batch,
    Message,
    OwnPids,
    Sealed,
    Suppressed,
    WireError,
    decode,
    encode,
)
from tests.unit.records import numbered
from tests.unit.samples import anomaly, operation

NATURALS = st.integers(0, 2**63 - 1)
POSITIVES = st.integers(1, 2**63 - 1)
WORDS = st.text(max_size=20).map(one_line)
OPERATIONS = st.builds(
    Operation,
    **dict.fromkeys(
        ("latency_ns", "end_ns", "session_id", "tree_id", "mid", "pid"), st.integers(0, 2**64 - 1)
    ),
    **dict.fromkeys(("command", "comm", "status", "error", "state", "share"), WORDS),
)
PARTS = st.lists(st.builds(Part, WORDS, NATURALS), max_size=2).map(tuple)
KINDS = st.sampled_from([*AnomalyType, "Storm"])
NAMES = st.from_regex(r"[a-z][a-z_.-]{0,20}", fullmatch=True)
ANOMALIES = st.builds(
    Anomaly,
    anomaly=KINDS,
    rule=st.sampled_from(Cause),
    **dict.fromkeys(
        (
            "trigger_ns",
            "window_ns",
            "count",
            "acceptable_count",
            "suppressed",
        ),
        NATURALS,
    ),
    timestamp=POSITIVES,
    name=NAMES,
    reason=WORDS,
    actions=st.lists(NAMES, max_size=3).map(tuple),
    **dict.fromkeys(("worst", "ended"), st.lists(OPERATIONS, max_size=3).map(tuple)),
    breakdown=st.builds(
        Breakdown,
        records=NATURALS,
        **dict.fromkeys(("commands", "statuses", "sessions", "trees", "tasks"), PARTS),
    ),
    related=st.lists(st.builds(Relation, POSITIVES, KINDS, NAMES), max_size=2).map(tuple),
    evidence=st.integers(0, 3).map(lambda records: bytes(64 * records)),
)
MESSAGES: dict[str, st.SearchStrategy[Message]] = {
    "detect": st.builds(Batch, NATURALS, NATURALS),
    "cleanup": st.builds(Sealed, POSITIVES, st.text(), NATURALS),
    "capture": st.builds(Suppressed, NAMES, POSITIVES, POSITIVES) | ANOMALIES,
    "collect": st.builds(OwnPids, st.lists(st.integers(1, 2**32 - 1), max_size=3).map(tuple)),
}
Addressed = tuple[str, Message]
ADDRESSED: st.SearchStrategy[Addressed] = st.one_of(
    [st.tuples(st.just(to), messages) for to, messages in MESSAGES.items()]
)


def refused_or_understood(frames: list[bytes], receiver: str) -> None:
    try:
        message = decode(frames, receiver)
    except WireError:
        return
    assert isinstance(message, Message)


@given(ADDRESSED)
def test_every_message_comes_back_as_it_was(addressed: Addressed) -> None:
    receiver, message = addressed
    assert decode(encode(message), receiver) == message


@given(ADDRESSED)
def test_no_other_inbox_takes_it(addressed: Addressed) -> None:
    receiver, message = addressed
    for other in TAKES.keys() - {receiver}:
        with pytest.raises(WireError):
            decode(encode(message), other)


@given(ADDRESSED, st.data())
def test_a_message_cut_short_is_refused(addressed: Addressed, data: st.DataObject) -> None:
    receiver, message = addressed
    head, *rest = encode(message)
    with pytest.raises(WireError):
        decode([head[: data.draw(st.integers(0, len(head) - 1))], *rest], receiver)


@given(ADDRESSED, st.data())
def test_a_message_with_a_changed_byte_is_refused_or_another_message(
    addressed: Addressed, data: st.DataObject
) -> None:
    receiver, message = addressed
    head, *rest = encode(message)
    changed = bytearray(head)
    changed[data.draw(st.integers(0, len(head) - 1))] = data.draw(st.integers(0, 255))
    refused_or_understood([bytes(changed), *rest], receiver)


@given(st.lists(st.binary(max_size=100), max_size=4), st.sampled_from(sorted(TAKES)))
def test_random_frames_are_refused(frames: list[bytes], receiver: str) -> None:
    with pytest.raises(WireError):
        decode(frames, receiver)


@pytest.mark.parametrize("frames", [0, 2, 3])
def test_a_plain_message_has_one_frame(frames: int) -> None:
    with pytest.raises(WireError):
        decode(encode(Batch(0, 1)) * frames, "detect")


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_an_anomaly_has_two(frames: int) -> None:
    with pytest.raises(WireError):
        decode((encode(anomaly()) * 2)[:frames], "capture")


BATCH = {"type": "batch", "start": 0, "count": 1}


@pytest.mark.parametrize(
    "fields",
    [
        BATCH | {"surprise": 1},
        BATCH | {"type": "go"},
        BATCH | {"type": 4},
        BATCH | {"start": None},
        BATCH | {"start": 1.5},
        BATCH | {"start": True},
        BATCH | {"start": "1"},
        BATCH | {"start": -1},
        BATCH | {"start": 1 << 63},
        {"type": "batch"},
        {"start": 0},
        {"type": "stop", "reason": "a detect that was taken over would like that"},
        {"type": "health", "stage": "detect", "pid": 1, "state": "ready", "counters": {}},
        {},
        [],
        None,
    ],
)
def test_another_schema_is_refused(fields: object) -> None:
    with pytest.raises(WireError):
        decode([msgspec.msgpack.encode(fields)], "detect")


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": 0},
        {"timestamp": 1 << 63},
        {"trigger_ns": -1},
        {"name": "../../etc"},
        {"name": "slow\n"},
        {"anomaly": "Latency\n"},
        {"reason": "two\nlines"},
        {"reason": "\u202e"},
        {"actions": ["dmesg"] * 257},
        {"actions": ["/bin/sh -c"]},
        {"count": -1},
        {"worst": [msgspec.to_builtins(operation()) | {"mid": -1}]},
        {"worst": [msgspec.to_builtins(operation()) | {"comm": "a\x1b[31m"}]},
    ],
)
def test_an_anomaly_that_no_detector_makes_is_refused(changes: dict[str, object]) -> None:
    head, evidence = encode(anomaly())
    fields = msgspec.msgpack.decode(head)
    assert decode([msgspec.msgpack.encode(fields), evidence], "capture") == anomaly()
    with pytest.raises(WireError):
        decode([msgspec.msgpack.encode(fields | changes), evidence], "capture")


@pytest.mark.parametrize("size", [1, 63, 65, (1 << 16) + 64])
def test_evidence_is_whole_records_and_not_many(size: int) -> None:
    with pytest.raises(WireError, match="evidence"):
        decode([encode(anomaly())[0], bytes(size)], "capture")


@pytest.mark.parametrize(
    "frame",
    [
        b"\x82\xa4type\xa6sealed\xa4path\xa1\xff",
        b"\x82\xa1\xff\xa4type\xa6sealed",
        b"\x81\xa4type\xa1\xff",
        b"\x82\xa4path" + b"\x91" * 100_000,
        b"\x91" * 100_000,
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        encode(Sealed(1, "x", 1))[0] + b"\x00",
    ],
    ids=["text", "key", "tag", "deep", "lists", "map", "list", "trailing"],
)
def test_bytes_that_break_decoders_are_refused(frame: bytes) -> None:
    with pytest.raises(WireError):
        decode([frame], "cleanup")


def test_evidence_is_a_frame_of_its_own_and_the_head_has_none() -> None:
    records = numbered(0, 3)
    head, evidence = encode(anomaly(evidence=records.tobytes()))
    assert evidence == records.tobytes()
    assert msgspec.msgpack.decode(head)["evidence"] == b""
    assert np.array_equal(np.frombuffer(evidence, EVENT_DTYPE), records)


@pytest.mark.parametrize("pid", [0, -1, 2**32])
def test_what_can_be_no_pid_is_refused(pid: int) -> None:
    with pytest.raises(WireError, match="not a message"):
        decode([msgspec.msgpack.encode({"type": "own_pids", "pids": [1, pid]})], "collect")
