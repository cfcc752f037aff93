"""Positions, views and history of the event log; the writer is the shim's."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aod._native import ffi, lib
from aod.event import EVENT_DTYPE, Events
from aod.transport.eventlog import EventLog
from aod.transport.position import write_limit
from tests.unit.records import numbered

NO_LIMIT = 1 << 62


def append(log: EventLog, events: Events, limit: int = NO_LIMIT) -> int:
    """Write and commit; how many fitted."""
    source = ffi.from_buffer("struct aod_event *", events.data)
    return int(lib.aod_log_append(log.c_header, limit, source, len(events)))


def mids(events: Events) -> list[int]:
    return [int(mid) for mid in events["mid"]]


def history(log: EventLog, since_ns: int) -> Events:
    """What is still there and ended then or later."""
    copy = log.copy(log.oldest, log.position)
    return copy[copy["end_ns"] >= since_ns]


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog.create(tmp_path, 1)


def test_what_is_appended_is_read_in_place(log: EventLog, tmp_path: Path) -> None:
    reader = EventLog.reader(tmp_path)
    assert append(log, numbered(0, 5)) == 5
    view = reader.view(1, 3)
    assert mids(view) == [1, 2, 3]
    assert np.shares_memory(view, reader.records)
    assert (reader.position, reader.oldest) == (5, 0)


def test_reader_cannot_write(log: EventLog, tmp_path: Path) -> None:
    reader = EventLog.reader(tmp_path)
    assert not reader.records.flags.writeable
    assert not reader.header.flags.writeable


def test_view_ends_where_the_ring_wraps(log: EventLog) -> None:
    append(log, numbered(0, log.capacity))
    append(log, numbered(log.capacity, 10))
    start = log.capacity - 4
    first = log.view(start, 14)
    assert mids(first) == list(range(start, log.capacity))
    assert mids(log.view(log.capacity, 10)) == list(range(log.capacity, log.capacity + 10))
    assert (log.position, log.oldest) == (log.capacity + 10, 10)


def test_a_span_is_whole_wherever_the_ring_wraps(log: EventLog) -> None:
    append(log, numbered(0, log.capacity))
    append(log, numbered(log.capacity, 10))
    around = log.span(log.capacity - 4, log.capacity + 10)
    assert mids(around) == list(range(log.capacity - 4, log.capacity + 10))
    assert np.shares_memory(log.span(100, 200), log.records)
    assert len(log.span(200, 200)) == 0


def test_a_piece_parts_nothing_that_has_one_time(log: EventLog) -> None:
    append(log, numbered(0, log.capacity - 2))
    together = numbered(log.capacity - 2, 8)
    together["end_ns"][1:6] = together["end_ns"][1]
    append(log, together)
    start, end = log.capacity - 5, log.position
    assert [log.piece_end(start, end, count) - start for count in range(1, 12)] == [
        *(1, 2, 3, 4, 9, 9, 9, 9, 9, 10, 11)
    ]
    assert log.piece_end(end, end, 5) == end


def test_nothing_is_written_at_or_beyond_the_limit(log: EventLog) -> None:
    assert append(log, numbered(0, 10), limit=7) == 7
    assert append(log, numbered(7, 10), limit=7) == 0
    assert append(log, numbered(7, 3), limit=3) == 0
    assert (log.position, mids(log.view(0, 7))) == (7, list(range(7)))


def test_commit_changes_both_positions_at_once(log: EventLog) -> None:
    """The pair that is not valid yet is filled first; only the sequence number makes it valid."""
    append(log, numbered(0, 5))
    before = int(log.header["commit_seq"])
    log.header["commit"][(before + 1) % 2] = (99, 77, 5, 0, 0, 0)  # as far as a killed writer came
    assert log.position == 5
    append(log, numbered(5, 2))
    assert int(log.header["commit_seq"]) == before + 1
    assert log.header["commit"][(before + 1) % 2].tolist() == (7, 0, 7, 0, 0, 0)
    assert log.header["commit"][before % 2].tolist() == (5, 0, 5, 0, 0, 0)


def test_append_keeps_the_position_in_the_kernels_ring(log: EventLog) -> None:
    sequence = int(log.header["commit_seq"]) + 1
    log.header["commit"][sequence % 2] = (0, 720, 0, 0, 0, 0)
    log.header["commit_seq"] = sequence
    append(log, numbered(0, 1))
    committed = lib.aod_log_committed(log.c_header)
    assert (committed.log_position, committed.ring_position) == (1, 720)


def test_history_of_an_empty_log_is_empty(log: EventLog) -> None:
    assert history(log, 0).dtype == EVENT_DTYPE
    assert len(history(log, 0)) == 0


def test_history_goes_across_the_wrap_and_is_a_copy(log: EventLog) -> None:
    append(log, numbered(0, log.capacity))
    append(log, numbered(log.capacity, 100))
    found = history(log, log.capacity - 50)
    assert mids(found) == list(range(log.capacity - 50, log.capacity + 100))
    assert not np.shares_memory(found, log.records)


def test_history_leaves_out_what_a_commit_in_the_making_may_overwrite(log: EventLog) -> None:
    append(log, numbered(0, log.capacity))
    append(log, numbered(log.capacity, 100))
    uncommitted = log.position + np.arange(log.commit_records)
    log.records[uncommitted % log.capacity] = numbered(10**9, log.commit_records)
    found = mids(history(log, 0))
    assert found == list(range(100 + log.commit_records, log.capacity + 100))


def test_a_log_that_is_not_full_has_all_its_history(log: EventLog) -> None:
    append(log, numbered(0, log.capacity - log.commit_records))
    assert len(history(log, 0)) == log.capacity - log.commit_records


def test_copy_of_what_is_gone_is_empty(log: EventLog) -> None:
    append(log, numbered(0, log.capacity))
    append(log, numbered(log.capacity, 100))
    for start, end in ((0, 50), (60, 60), (90, 80)):
        assert len(log.copy(start, end)) == 0


WRITER = """
import sys
from pathlib import Path
from aod.transport.eventlog import EventLog
from tests.unit.records import numbered
from tests.unit.transport.test_eventlog_ring import append
log = EventLog.writer(Path(sys.argv[1]), 1)
while log.position < int(sys.argv[2]):
    append(log, numbered(log.position, log.commit_records))
"""


def test_history_is_whole_while_another_process_overwrites(log: EventLog, tmp_path: Path) -> None:
    append(log, numbered(0, log.capacity))
    end = 150 * log.capacity
    looks = 0
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(end)]) as writer:
        while log.position < end and writer.poll() is None:
            found = history(log, 0)["mid"]
            if len(found):
                assert np.array_equal(found, np.arange(found[0], found[0] + len(found)))
            looks += 1
    assert writer.returncode == 0
    assert looks


@settings(max_examples=40)
@given(st.data())
def test_reader_sees_every_record_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Writer and reader take turns at random; the limit keeps what is unread."""
    log = EventLog.create(tmp_path_factory.mktemp("log"), 1)
    produced = read = 0
    for _ in range(data.draw(st.integers(1, 12))):
        wanted = data.draw(st.integers(0, log.capacity + 100))
        limit = write_limit(log.position, read, log.capacity)
        assert limit is not None
        produced += append(log, numbered(produced, wanted), limit)
        assert log.position == produced <= read + log.capacity
        upto = data.draw(st.integers(read, produced))
        while read < upto:
            view = log.view(read, upto - read)
            assert np.array_equal(view["mid"], np.arange(read, read + len(view)))
            read += len(view)


POSITIONS = st.integers(0, 2**64 - 1)


@given(POSITIONS, POSITIONS, st.integers(0, 22).map(lambda bits: 1 << bits))
def test_only_a_believable_reader_limits_the_writer(log: int, read: int, capacity: int) -> None:
    limit = write_limit(log, read, capacity)
    if read <= log <= read + capacity:
        assert limit == read + capacity
        assert limit >= log
    else:
        assert limit is None
