"""The way from the kernel's ring into the event log: once each, in order, or counted."""

import select
import threading
from pathlib import Path

import numpy as np
import pytest

from aod.kernel.tracer import Drained, DrainStop, Tracer
from aod.transport.eventlog import EventLog
from aod.transport.position import write_limit
from tests.rig.ring import MakeRig, Rig, make_thresholds

WRITE = 9
RECORD_IN_RING = 72


def _mids(log: EventLog, start: int, count: int) -> list[int]:
    first = log.view(start, count)
    second = log.view(start + len(first), count - len(first))
    return [*first["mid"].tolist(), *second["mid"].tolist()]


def test_ten_million_records_at_full_speed_arrive_once_each_in_order(make_rig: MakeRig) -> None:
    total, chunk = 10_000_000, 400_000
    rig = make_rig(ring_bytes=64 << 20, log_mb=16)
    done = threading.Event()
    room = threading.Semaphore(2)  # the ring holds 932,067 records: one chunk is written while
    # another is read, and no noise of the machine makes the ring overflow

    def produce() -> None:
        for first in range(0, total, chunk):
            room.acquire()
            rig.producer.load(chunk, first_mid=first)
        done.set()

    producer = threading.Thread(target=produce)
    producer.start()
    expected = 0
    while True:
        finished = done.is_set()
        drained = rig.tracer.drain(rig.log, 1 << 62, rig.log.capacity)
        before, expected = expected, _check_sequence(rig.log, drained, expected)
        for _ in range(expected // chunk - before // chunk):
            room.release()
        if finished and not drained.count:
            break
    producer.join()
    dropped = rig.stat("dropped_ring_full", WRITE)
    assert (rig.log.position + dropped, rig.stat("started", WRITE)) == (total, total)
    assert dropped == 0
    assert expected == total
    rig.tracer.close()


def _check_sequence(log: EventLog, drained: Drained, expected: int) -> int:
    start, count = drained.start, drained.count
    while count:
        mids = log.view(start, count)["mid"]
        wanted = np.arange(expected, expected + len(mids), dtype=np.uint64)
        if not np.array_equal(mids, wanted):
            raise AssertionError(f"records are missing, repeated or out of order near {expected}")
        start, count, expected = start + len(mids), count - len(mids), expected + len(mids)
    return expected


def test_stopped_detector_loses_nothing_that_was_written_and_counts_the_rest(rig: Rig) -> None:
    """The log stops at the reader's position, the ring fills up, the kernel counts its drops."""
    capacity, produced = rig.log.capacity, 60_000
    limit = write_limit(rig.log.position, 0, capacity)
    assert limit is not None
    for first in range(0, produced, 1000):
        rig.producer.load(1000, first_mid=first)
        drained = rig.tracer.drain(rig.log, limit, 1 << 30)
    assert drained.stop is DrainStop.FULL
    assert rig.log.position == capacity
    assert _mids(rig.log, 0, capacity) == list(range(capacity))
    dropped = rig.stat("dropped_ring_full", WRITE)
    assert dropped > 0
    assert rig.tracer.pending() == produced - capacity - dropped
    rest = rig.drain()
    assert rig.tracer.pending() == 0
    assert capacity + rest + dropped == produced
    after = _mids(rig.log, capacity, rest)
    assert after == list(range(capacity, capacity + rest))


def test_record_that_does_not_fit_stays_in_the_ring(rig: Rig) -> None:
    rig.producer.load(10)
    assert rig.drain(limit=7) == 7
    assert rig.drain(limit=7) == 0
    assert rig.drain() == 3
    assert _mids(rig.log, 0, 10) == list(range(10))


def test_drain_stops_at_its_limit_of_records(rig: Rig) -> None:
    rig.producer.load(10)
    drained = rig.tracer.drain(rig.log, 1 << 62, 4)
    assert (drained.count, drained.stop, drained.ring_position) == (
        4,
        DrainStop.LIMIT,
        4 * RECORD_IN_RING,
    )
    assert rig.tracer.drain(rig.log, 1 << 62, 100).stop is DrainStop.EMPTY


def test_next_collector_goes_on_where_the_last_one_stopped(rig: Rig) -> None:
    rig.producer.load(5)
    rig.drain()
    rig.producer.start(100, 5)
    rig.producer.load(5, first_mid=5)
    rig.tracer.close()
    successor = Tracer.adopt(_object(), rig.setup, rig.thresholds)
    successor.adopt_log(rig.log)
    assert successor.drain(rig.log, 1 << 62, 1 << 30).count == 5
    assert _mids(rig.log, 0, 10) == list(range(10))
    successor.scan_in_flight(rig.log, 0, 0, [1 << 63] * 32)
    assert int(rig.log.header["in_flight"]) == 1
    successor.close()
    rig.tracer = Tracer(rig.setup.pin_dir)


def test_death_between_commit_and_the_kernels_knowledge_repeats_nothing(
    rig: Rig, tmp_path: Path
) -> None:
    rig.producer.load(5)
    rig.drain()
    _pretend_the_kernel_does_not_know(rig)
    rig.tracer.adopt_log(rig.log)
    rig.producer.load(1, first_mid=5)
    assert rig.drain() == 1
    assert _mids(rig.log, 0, 6) == list(range(6))


def _pretend_the_kernel_does_not_know(rig: Rig) -> None:
    """Drain the same records into another log: the kernel's position moves, then is put back."""
    from aod._native import lib

    other = EventLog.create(_folder(rig), 1)
    other.header["ring_id"] = lib.aod_control(rig.tracer._tracer).ring_id
    rig.tracer.adopt_log(other)  # its commit says ring position 0


def _folder(rig: Rig) -> Path:
    folder = rig.log.path.parent / "other"
    folder.mkdir()
    return folder


def test_another_build_is_replaced_and_the_log_goes_on(rig: Rig) -> None:
    rig.producer.load(5)
    rig.drain()
    rig.tracer.close()
    other = type(rig.setup)(rig.setup.pin_dir, rig.setup.ring_bytes * 2, rig.setup.max_inflight)
    rig.tracer = Tracer.adopt(_object(), other, rig.thresholds)
    rig.tracer.adopt_log(rig.log)
    assert rig.log.position == 5
    assert rig.drain() == 0


def test_unread_records_of_a_build_with_the_old_name_of_a_map_are_counted(rig: Rig) -> None:
    rig.producer.load(5)
    rig.tracer.close()
    maps = rig.setup.pin_dir / "maps"
    (maps / "thresholds").rename(maps / "knobs")  # as 0.1.0 pinned it
    other = type(rig.setup)(rig.setup.pin_dir, rig.setup.ring_bytes * 2, rig.setup.max_inflight)
    rig.tracer = Tracer.adopt(_object(), other, rig.thresholds)
    assert rig.tracer.replaced == 5


def _object() -> bytes:
    from tests.rig.producer import OBJECT

    return OBJECT.read_bytes()


def _woken(epoll: select.epoll) -> bool:
    return bool(epoll.poll(0))


def test_only_a_match_wakes_and_only_once_per_drain(rig: Rig) -> None:
    epoll = select.epoll()
    epoll.register(rig.tracer.wake_fd, select.EPOLLIN | select.EPOLLET)
    rig.producer.load(1)
    assert not _woken(epoll)
    rig.producer.load(1, latency_ns=10**8)
    assert epoll.poll(1)
    rig.producer.load(1, latency_ns=10**8)
    assert not _woken(epoll)
    rig.tracer.begin_drain()
    assert rig.drain() == 3
    rig.producer.load(1, latency_ns=10**8)
    assert epoll.poll(1)
    epoll.close()


def test_ring_that_fills_up_wakes_without_a_match(make_rig: MakeRig) -> None:
    rig = make_rig(thresholds=make_thresholds(threshold_ms=-1))
    epoll = select.epoll()
    epoll.register(rig.tracer.wake_fd, select.EPOLLIN | select.EPOLLET)
    quarter = rig.setup.ring_bytes // 4 // RECORD_IN_RING
    rig.producer.load(quarter - 10)
    assert not _woken(epoll)
    rig.producer.load(20)
    assert epoll.poll(1)
    epoll.close()
    rig.tracer.close()


def test_pins_are_for_root_alone(rig: Rig) -> None:
    for folder in (rig.setup.pin_dir, *rig.setup.pin_dir.iterdir()):
        assert not folder.stat().st_mode & 0o007, folder


@pytest.mark.parametrize("position", [0, 500, 1000])
def test_believable_reader_positions_limit_the_writer(position: int) -> None:
    assert write_limit(1000, position, 1000) == position + 1000
