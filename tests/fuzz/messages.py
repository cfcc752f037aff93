"""The messages, and the spool: only their own errors come out, and what is taken makes sense."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from aod.anomaly import Anomaly
from aod.audit import entries
from aod.capture.incidents import Incidents
from aod.detectors.describe import sentence
from aod.event import EVENT_DTYPE
from aod.state import names, spool
from aod.transport import wire
from tests.fuzz.provider import Provider
from tests.unit.samples import anomaly, operation

RECEIVERS: Final = sorted(wire.TAKES)
MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
VALUES: Final[tuple[Any, ...]] = (
    0,
    -1,
    1 << 63,
    (1 << 64) - 1,
    "",
    "a\n",
    "\u202e",
    None,
    True,
    0.5,
    [],
    {},
    b"",
)


def sample(receiver: str) -> wire.Message:
    """A message that it takes."""
    match receiver:
        case "collect":
            return wire.OwnPids((1, 2))
        case "detect":
            return wire.Batch(0, 1)
        case "cleanup":
            return wire.Sealed(1, "/var/log/aod/aod_1.tar.zst", 1)
    return anomaly(worst=(operation(),), actions=("dmesg",))


def mutated(fields: Any, data: Provider) -> Any:
    """This document with a value changed, somewhere."""
    if isinstance(fields, dict) and fields and data.number(8):
        key = data.choice(sorted(fields, key=str))
        return fields | {key: mutated(fields[key], data)}
    if isinstance(fields, list) and fields and data.number(4):
        return [*fields[1:], mutated(fields[0], data)] * (1 + data.number(400))
    others = (data.choice(VALUES), data.text(), data.integer(), [fields] * data.number(8))
    return data.choice((*others, {data.text(): fields}))


def _check(message: wire.Message, receiver: str) -> None:
    """What was decoded goes through the hands of its receiver."""
    assert wire.decode(wire.encode(message), receiver) == message
    if isinstance(message, Anomaly):
        _check_anomaly(message)


def _check_anomaly(one: Anomaly) -> None:
    assert len(one.evidence) % EVENT_DTYPE.itemsize == 0
    assert names.folder.timestamp(names.folder(one.timestamp)) == one.timestamp
    texts = [one.reason, *map(sentence, (*one.worst, *one.ended))]
    assert all("\n" not in text and "\x1b" not in text for text in texts)
    record = entries.encode(entries.declared(one), MOMENT)
    assert record.count(b"\n") == 1
    assert entries.decode(record) == replace(entries.declared(one), time=MOMENT)
    incidents = Incidents()
    incidents.add(one)
    incidents.of(one)


def one(data: bytes) -> None:
    """One input: frames to a receiver, or an entry of the spool."""
    given = Provider(data)
    receiver = given.choice(RECEIVERS)
    if given.number(4) == 0:
        frames = [given.frame() for _ in range(given.number(4))]
    else:
        head, *rest = wire.encode(sample(receiver))
        fields = mutated(msgspec.msgpack.decode(head), given)
        frames = [msgspec.msgpack.encode(fields), *(given.frame() for _ in rest)]
    try:
        message = wire.decode(frames, receiver)
    except wire.WireError:
        pass
    else:
        _check(message, receiver)
    _spooled(frames, given)


def _spooled(frames: list[bytes], given: Provider) -> None:
    """As JSON, as far as JSON can express it."""
    try:
        content = msgspec.json.encode(msgspec.msgpack.decode(frames[0]))
    except (msgspec.MsgspecError, UnicodeError, IndexError, RecursionError, TypeError, ValueError):
        content = given.frame()
    try:
        found = spool.decoded(content)
    except spool.SpoolError:
        return
    _check_anomaly(found)
