"""The private channel: what a worker says, what it is given, and what it cannot do."""

import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from aod import text
from aod.config.schema import Config, Guardian
from aod.detectors.api import Settings
from aod.detectors.latency import Latency
from aod.stages import channel
from aod.stages.channel import MAX_RECEIVED, SupervisorEnd, WorkerEnd
from aod.transport.wire import Health

CONFIG = Config(guardian=Guardian(anomalies={"slow": Latency()}))
Pair = tuple[SupervisorEnd, WorkerEnd]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = SupervisorEnd.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def beat(number: int = 0, note: str = "") -> Health:
    return Health("detect", 7, "ready", {"number": number}, note)


def test_what_is_told_is_heard_in_order(pair: Pair) -> None:
    supervisor, worker = pair
    assert supervisor.receive() == []
    worker.send(beat(1, "one"))
    worker.send(beat(2))
    assert supervisor.receive() == [beat(1, "one"), beat(2)]
    assert supervisor.receive() == []


def test_who_is_not_heard_does_not_wait(pair: Pair) -> None:
    supervisor, worker = pair
    for number in range(10_000):  # more than the socket holds
        worker.send(beat(number))
    assert supervisor.receive()[0] == beat(0)


def test_a_flood_is_heard_a_part_at_a_time(pair: Pair) -> None:
    supervisor, worker = pair
    for number in range(MAX_RECEIVED + 1):
        worker.send(beat(number))
    assert len(supervisor.receive()) == MAX_RECEIVED
    assert supervisor.receive() == [beat(MAX_RECEIVED)]


def test_a_note_is_one_line_that_fits(pair: Pair) -> None:
    """It is shown in the log and to systemd, where a line could be an order."""
    supervisor, worker = pair
    worker.send(beat(note="\x1b[2J fine\nSTOPPING=1\n" + "x" * 10_000))
    (heard,) = supervisor.receive()
    assert heard.note.startswith("?[2J fine STOPPING=1 x")
    assert len(heard.note) == text.MAX_TEXT


@pytest.mark.parametrize(
    "message",
    [
        b"rubbish",
        b"\x91" * 60_000,
        msgspec.msgpack.encode({"type": "health"}),
        msgspec.msgpack.encode(msgspec.to_builtins(beat()) | {"type": "health", "more": 1}),
        msgspec.msgpack.encode(beat()) + b"\x00",
        msgspec.msgpack.encode(replace(beat(), note="x" * 100_000)),
        msgspec.msgpack.encode(replace(beat(), note="fine\nSTOPPING=1")),
    ],
    ids=["rubbish", "deep", "fields-miss", "fields-more", "trailing", "too-long", "two-lines"],
)
def test_what_is_no_heartbeat_is_counted_and_passed_over(pair: Pair, message: bytes) -> None:
    supervisor, worker = pair
    worker._socket.send(message)
    worker.send(beat())
    assert supervisor.receive() == [beat()]
    assert supervisor.rejected == 1


HEALTH = {"type": "health", "stage": "detect", "pid": 1, "state": "ready", "counters": {}}


def test_the_heartbeat_that_the_others_are_made_from_is_one(pair: Pair) -> None:
    supervisor, worker = pair
    worker._socket.send(msgspec.msgpack.encode(HEALTH))
    assert len(supervisor.receive()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"counters": {"a": 0.5}},
        {"counters": {1: 1}},
        {"counters": {"a": -1}},
        {"counters": {"a b": 1}},
        {"counters": {f"a{number}": 1 for number in range(65)}},
        {"stage": "somebody"},
        {"stage": "detect\n"},
        {"pid": 0},
        {"state": "READY=1"},
        {"note": "watching\nMAINPID=1"},
        {"note": "\x1b[2J"},
        {"note": "n" * 4097},
    ],
)
def test_a_heartbeat_with_tricks_is_refused(pair: Pair, changes: dict[str, object]) -> None:
    supervisor, worker = pair
    worker._socket.send(msgspec.msgpack.encode(HEALTH | changes))
    assert supervisor.receive() == []
    assert supervisor.rejected == 1


def test_the_end_of_a_worker_is_seen(pair: Pair) -> None:
    supervisor, worker = pair
    worker.send(beat(note="last words"))
    worker.close()
    before = supervisor.is_open
    assert supervisor.receive() == [beat(note="last words")]
    assert (before, supervisor.is_open) == (True, False)
    supervisor.offer(CONFIG)  # nobody takes it


def test_the_newest_configuration_is_taken(pair: Pair) -> None:
    supervisor, worker = pair
    assert worker.new_config() is None
    for interval_sec in (2, 3):
        supervisor.offer(replace(CONFIG, watch_interval_sec=interval_sec))
    assert worker.new_config() == replace(CONFIG, watch_interval_sec=3)
    assert worker.new_config() is None


def test_a_configuration_may_be_large(pair: Pair) -> None:
    supervisor, worker = pair
    many: dict[str, Settings] = {f"slow{number}": Latency() for number in range(5000)}
    supervisor.offer(replace(CONFIG, guardian=Guardian(anomalies=many)))
    found = worker.new_config()
    assert found is not None
    assert found.guardian.anomalies == many


def test_worker_that_does_not_read_gets_the_newest_when_it_does(pair: Pair) -> None:
    supervisor, worker = pair
    for number in range(1, 2000):  # more than the socket holds
        supervisor.offer(replace(CONFIG, watch_interval_sec=number))
    while True:  # read, make room, read on
        found = worker.new_config()
        supervisor.flush()
        if found is None:
            break
        last = found
    assert last.watch_interval_sec == 1999


def test_descriptors_are_not_left_open(pair: Pair) -> None:
    supervisor, worker = pair
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        supervisor.offer(CONFIG)
    assert worker.new_config() == CONFIG
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_configuration_cannot_be_changed_by_who_got_it() -> None:
    fd = channel._packed(CONFIG)
    try:
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def test_worker_whose_supervisor_is_gone_ends_at_once(pair: Pair) -> None:
    """It must not clear up as it does when it is told to stop."""
    supervisor, worker = pair
    pid = os.fork()
    if pid == 0:
        supervisor.close()
        select.select([worker], [], [])
        try:
            worker.new_config()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)  # it went on
    supervisor.close()
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == channel.ORPHANED


def test_how_long_a_stop_may_take_is_told_beside_a_configuration(pair: Pair) -> None:
    supervisor, worker = pair
    supervisor.offer(CONFIG)
    supervisor.stop_within(1.5)
    assert worker.stop_within_sec is None
    assert worker.new_config() == CONFIG
    assert worker.stop_within_sec == 1.5
