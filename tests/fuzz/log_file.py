"""The event log's file: it is refused with its own error, or everything in it can be read.

Only root writes it; but a crash or another version may leave anything.
"""

import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from aod.status.gather import command_counters
from aod.transport.eventlog import HEADER_BYTES, HEADER_DTYPE, EventLog
from aod.transport.position import (
    LOG_NAME,
    POSITION_NAME,
    EventLogError,
    read_evaluated,
    write_limit,
)
from tests.fuzz.provider import Provider

RECORD_BYTES: Final = 64
_FOLDER: Final = tempfile.TemporaryDirectory(prefix="aod-fuzz-", dir="/dev/shm")
FOLDER: Final = Path(_FOLDER.name)
_SOUND: Final = EventLog.create(FOLDER, 1).header.tobytes()
MOST_RECORDS: Final = 64


def _content(given: Provider) -> bytes:
    """A sound head with some fields changed, and a few records."""
    capacity = 1 << given.number(7)
    head = np.frombuffer(bytearray(_SOUND), HEADER_DTYPE)[0:1].reshape(())
    head["capacity"] = capacity
    raw = bytearray(head.tobytes())
    for _ in range(given.number(6)):
        at = given.number(4) and given.number(len(raw))
        patch = given.take(1 + given.number(8))
        raw[at : at + len(patch)] = patch[: len(raw) - at]
    if given.number(8):
        raw[32:40], raw[:16] = head.tobytes()[32:40], head.tobytes()[:16]
    records = given.take(given.number(MOST_RECORDS * RECORD_BYTES))
    body = records.ljust(capacity * RECORD_BYTES, b"\1") if given.number(16) else records
    return bytes(raw).ljust(HEADER_BYTES, b"\0") + body


def _read(log: EventLog, given: Provider) -> None:
    """All that its readers do."""
    assert 0 <= log.oldest <= max(0, log.position)
    assert log.position - log.oldest <= log.capacity
    assert log.commit_records <= log.capacity
    end = log.position
    start = min(given.integer() & (1 << 63) - 1, end)
    for at in (start, log.oldest):
        stop = min(end, at + log.capacity)
        assert len(log.view(at, stop - at)) <= log.capacity
        if at <= stop:
            assert len(log.span(at, stop)) == stop - at
            assert at <= log.piece_end(at, stop, 1 + given.number(100)) <= stop
    assert len(log.copy(start, end)) <= log.capacity
    command_counters(log)
    limit = write_limit(log.position, given.integer(), log.capacity)
    assert limit is None or log.position <= limit <= log.position + log.capacity


def one(data: bytes) -> None:
    """One input: a log's file and a reader's position."""
    given = Provider(data)
    (FOLDER / LOG_NAME).write_bytes(_content(given))
    (FOLDER / POSITION_NAME).write_bytes(given.frame())
    read_evaluated(FOLDER)
    try:
        log = EventLog.reader(FOLDER)
    except EventLogError:
        return
    _read(log, given)
