"""Messages go out and come back; a stranger's bytes are refused, never believed, never fatal."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aod.anomaly import Anomaly, AnomalyType, Breakdown, Operation, Part, Relation, Rule
from aod.event import EVENT_DTYPE
from aod.wire import (
    Batch,
    Health,
    Message,
    OwnPids,
    Sealed,
    Stop,
    Suppressed,
    WireError,
    decode,
    encode,
)
from tests.unit.records import numbered
from tests.unit.samples import anomaly

INTEGERS = st.integers(-(2**63), 2**64 - 1)
OPERATIONS = st.builds(
    Operation,
    **dict.fromkeys(("latency_ns", "end_ns", "session_id", "tree_id", "mid", "pid"), INTEGERS),
    **dict.fromkeys(("command", "comm", "status", "error", "state", "share"), st.text(max_size=20)),
)
PARTS = st.lists(st.builds(Part, st.text(max_size=10), INTEGERS), max_size=2).map(tuple)
KINDS = st.sampled_from([*AnomalyType, "Storm"])
ANOMALIES = st.builds(
    Anomaly,
    anomaly=KINDS,
    rule=st.sampled_from(Rule),
    **dict.fromkeys(
        (
            "timestamp",
            "trigger_ns",
            "window_ns",
            "count",
            "acceptable_count",
            "suppressed",
        ),
        INTEGERS,
    ),
    **dict.fromkeys(("name", "reason"), st.text(max_size=20)),
    actions=st.lists(st.text(max_size=10), max_size=3).map(tuple),
    **dict.fromkeys(("worst", "ended"), st.lists(OPERATIONS, max_size=3).map(tuple)),
    breakdown=st.builds(
        Breakdown,
        records=INTEGERS,
        **dict.fromkeys(("commands", "statuses", "sessions", "trees", "tasks"), PARTS),
    ),
    related=st.lists(st.builds(Relation, INTEGERS, KINDS, st.text()), max_size=2).map(tuple),
    evidence=st.binary(max_size=200),
)
MESSAGES = st.one_of(
    st.builds(Batch, INTEGERS, INTEGERS),
    st.builds(Sealed, INTEGERS, st.text(), INTEGERS),
    st.builds(
        Health,
        st.text(),
        INTEGERS,
        st.text(),
        st.dictionaries(st.text(), INTEGERS, max_size=4),
        st.text(),
    ),
    st.builds(Stop, st.text()),
    st.builds(
        Suppressed, st.text(max_size=64), st.integers(1, 2**64 - 1), st.integers(1, 2**64 - 1)
    ),
    st.builds(OwnPids, st.lists(st.integers(1, 2**32 - 1), max_size=3).map(tuple)),
    ANOMALIES,
)


def refused_or_understood(frames: list[bytes]) -> None:
    try:
        message = decode(frames)
    except WireError:
        return
    assert isinstance(message, Message)


@settings(deadline=None)
@given(MESSAGES)
def test_every_message_comes_back_as_it_was(message: Message) -> None:
    assert decode(encode(message)) == message


@settings(deadline=None)
@given(MESSAGES, st.data())
def test_a_message_cut_short_is_refused(message: Message, data: st.DataObject) -> None:
    head, *rest = encode(message)
    with pytest.raises(WireError):
        decode([head[: data.draw(st.integers(0, len(head) - 1))], *rest])


@settings(deadline=None)
@given(MESSAGES, st.data())
def test_a_message_with_a_changed_byte_is_refused_or_another_message(
    message: Message, data: st.DataObject
) -> None:
    head, *rest = encode(message)
    changed = bytearray(head)
    changed[data.draw(st.integers(0, len(head) - 1))] = data.draw(st.integers(0, 255))
    refused_or_understood([bytes(changed), *rest])


@settings(deadline=None)
@given(st.lists(st.binary(max_size=100), max_size=4))
def test_random_frames_are_refused(frames: list[bytes]) -> None:
    with pytest.raises(WireError):
        decode(frames)


@pytest.mark.parametrize("frames", [0, 2, 3])
def test_a_plain_message_has_one_frame(frames: int) -> None:
    with pytest.raises(WireError):
        decode(encode(Stop("enough")) * frames)


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_an_anomaly_has_two(frames: int) -> None:
    with pytest.raises(WireError):
        decode((encode(anomaly()) * 2)[:frames])


STOP = {"type": "stop", "reason": ""}


@pytest.mark.parametrize(
    "fields",
    [
        STOP | {"surprise": 1},
        STOP | {"type": "go"},
        STOP | {"type": 4},
        STOP | {"reason": 4},
        STOP | {"reason": None},
        {"type": "stop"},
        {"reason": ""},
        {},
        [],
        None,
        {"type": "batch", "start": 1.5, "count": 1},
        {"type": "batch", "start": True, "count": 1},
        {"type": "batch", "start": "1", "count": 1},
        {"type": "health", "stage": "", "pid": 1, "state": "", "counters": {"a": 0.5}},
        {"type": "health", "stage": "", "pid": 1, "state": "", "counters": {1: 1}},
    ],
)
def test_another_schema_is_refused(fields: object) -> None:
    with pytest.raises(WireError):
        decode([msgspec.msgpack.encode(fields)])


@pytest.mark.parametrize(
    "frame",
    [
        b"\x82\xa4type\xa4stop\xa6reason\xa1\xff",
        b"\x82\xa1\xff\xa4type\xa4stop",
        b"\x81\xa4type\xa1\xff",
        b"\x82\xa6reason" + b"\x91" * 100_000,
        b"\x91" * 100_000,
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        encode(Stop("x"))[0] + b"\x00",
    ],
    ids=["text", "key", "tag", "deep", "lists", "map", "list", "trailing"],
)
def test_bytes_that_break_decoders_are_refused(frame: bytes) -> None:
    with pytest.raises(WireError):
        decode([frame])


def test_evidence_is_a_frame_of_its_own_and_the_head_has_none() -> None:
    records = numbered(0, 3)
    head, evidence = encode(anomaly(evidence=records.tobytes()))
    assert evidence == records.tobytes()
    assert msgspec.msgpack.decode(head)["evidence"] == b""
    assert np.array_equal(np.frombuffer(evidence, EVENT_DTYPE), records)


@pytest.mark.parametrize("pid", [0, -1, 2**32])
def test_what_can_be_no_pid_is_refused(pid: int) -> None:
    with pytest.raises(WireError, match="not a message"):
        decode([msgspec.msgpack.encode({"type": "own_pids", "pids": [1, pid]})])
