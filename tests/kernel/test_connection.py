"""ebpf/connection.bpf.h: a connection event is one record, woken for as the thresholds say."""

import errno
import select
from dataclasses import replace

import numpy as np
import pytest

from aod.event import COMMANDS, CONNECTION, MATCHED
from aod.kernel.thresholds import NEVER_NS, KernelThresholds
from aod.smb.commands import ConnectionEvent
from tests.rig.ring import Rig, make_thresholds

RECONNECT, CONNECT_FAILED = ConnectionEvent.RECONNECT, ConnectionEvent.CONNECT_FAILED


def _thresholds(*watched: ConnectionEvent, matching_only: bool = False) -> KernelThresholds:
    """As for operations that are never slow, and these events reported at once."""
    thresholds = make_thresholds(threshold_ms=-1, matching_only=matching_only)
    emergency_ns = np.full(COMMANDS, NEVER_NS, np.uint64)
    emergency_ns[list(watched)] = 0
    return replace(thresholds, emergency_ns=emergency_ns)


def test_event_is_one_record_of_the_task_that_met_with_it(rig: Rig) -> None:
    rig.producer.connection(
        CONNECT_FAILED, session=7, mid=9, tree=3, pid=42, comm=b"cifsd", error=-errno.ECONNREFUSED
    )
    assert rig.drain() == 1
    record = rig.log.view(0, 1)[0]
    assert (record["command"], record["flags"]) == (CONNECT_FAILED, CONNECTION)
    assert (record["session_id"], record["mid"], record["tree_id"]) == (7, 9, 3)
    assert (record["pid"], record["comm"], record["error"]) == (42, b"cifsd", -errno.ECONNREFUSED)
    assert (record["latency_ns"], record["status"]) == (0, 0)
    assert record["end_ns"] > 0


@pytest.mark.parametrize("event", ConnectionEvent, ids=lambda event: event.name)
def test_event_is_counted_under_its_own_number(rig: Rig, event: ConnectionEvent) -> None:
    rig.producer.connection(event)
    rig.producer.connection(event)
    counted = [rig.stat(name, event) for name in ("started", "finished", "emitted", "unanswered")]
    assert counted == [2, 2, 2, 0]
    assert rig.in_flight() == 0


def test_watched_event_wakes_at_once_and_others_wait(rig: Rig) -> None:
    rig.tracer.set_thresholds(_thresholds(RECONNECT))
    with select.epoll() as epoll:
        epoll.register(rig.tracer.wake_fd, select.EPOLLIN | select.EPOLLET)
        rig.producer.connection(CONNECT_FAILED, error=-errno.ECONNREFUSED)
        assert not epoll.poll(0)
        rig.producer.connection(RECONNECT)
        assert epoll.poll(1)
    assert rig.drain() == 2
    assert rig.log.view(0, 2)["flags"].tolist() == [CONNECTION, CONNECTION | MATCHED]


def test_recorder_of_matches_leaves_out_what_is_not_watched(rig: Rig) -> None:
    rig.tracer.set_thresholds(_thresholds(RECONNECT, matching_only=True))
    rig.producer.connection(RECONNECT)
    rig.producer.connection(CONNECT_FAILED)
    assert rig.drain() == 1
    assert (rig.stat("emitted", RECONNECT), rig.stat("filtered", CONNECT_FAILED)) == (1, 1)
