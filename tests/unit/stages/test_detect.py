"""The detector and its place in the log: what it declares, and what survives its death."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aod.anomaly import Anomaly
from aod.config.rules import rules
from aod.detectors.detector import Detector
from aod.event import IN_FLIGHT, Events
from aod.smb.peers import Names
from aod.stages.base import StageContext
from aod.stages.detect import Reader
from aod.state import spool
from aod.status import anomalies
from aod.transport.eventlog import EventLog
from aod.transport.position import Evaluated, ReadPosition, read_evaluated
from aod.transport.wire import Inbox, Suppressed
from tests.rig.stage import received
from tests.unit.detecting import (
    SECOND,
    SLOW_NS,
    START_NS,
    configured,
    detect_context,
    failures,
    operations,
)
from tests.unit.transport.test_eventlog_ring import append


@pytest.fixture
def context(tmp_path: Path) -> Iterator[StageContext]:
    with detect_context(tmp_path) as made:
        yield made


@pytest.fixture
def log(context: StageContext) -> EventLog:
    return EventLog.create(context.runtime_dir, 1)


def spooled(context: StageContext) -> list[Anomaly]:
    folder = context.config.state_dir / spool.FOLDER
    return [spool.read(path) for path in spool.pending(folder)]


def published(context: StageContext) -> int:
    return read_evaluated(context.runtime_dir).position


def publish(context: StageContext, position: int) -> None:
    """What else was published stays."""
    file = ReadPosition.open(context.runtime_dir)
    file.commit(file.get()._replace(position=position))
    file.close()


def test_every_rule_sees_every_record(tmp_path: Path) -> None:
    detector = Detector(rules(configured(tmp_path)), 0, Names)
    assert detector.feed(np.concatenate((operations(10), failures(10)))).anomalies == []
    found = detector.feed(np.concatenate((operations(1), failures(1)))).anomalies
    assert sorted(one.name for one in found) == ["failed", "slow"]
    assert len({one.timestamp for one in found}) == 2
    detector.feed(operations(12, at_ns=START_NS + 2 * SECOND))
    assert [one.suppressed for one in detector.episodes()] == [2, 0]


def test_anomaly_is_spooled_then_sent_and_then_the_position_is_published(
    context: StageContext, log: EventLog
) -> None:
    capture = Inbox(context._zmq, context.runtime_dir, "capture")
    reader = Reader(context, EventLog.reader(context.runtime_dir))
    append(log, operations(11))
    reader.read()
    assert capture.socket.poll(60_000)
    sent = received(capture)
    assert [sent] == spooled(context)
    assert isinstance(sent, Anomaly)
    assert sent.timestamp == int(operations(11)["end_ns"][-1]) + log.realtime_offset_ns
    assert (published(context), reader.declaring.declared) == (11, 1)
    capture.close()


def test_anomaly_that_cannot_be_spooled_is_still_sent(
    context: StageContext, log: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    capture = Inbox(context._zmq, context.runtime_dir, "capture")
    reader = Reader(context, EventLog.reader(context.runtime_dir))
    shutil.rmtree(context.config.state_dir / spool.FOLDER)
    append(log, operations(11))
    reader.read()
    assert capture.socket.poll(60_000)
    assert isinstance(received(capture), Anomaly)
    assert "is not spooled" in caplog.text
    capture.close()


def test_records_across_the_wrap_are_one_stream(context: StageContext, log: EventLog) -> None:
    reader = Reader(context, EventLog.reader(context.runtime_dir))
    append(log, operations(log.capacity - 5, latency_ns=1))
    reader.read()
    append(log, operations(11, at_ns=START_NS + 100 * SECOND))
    reader.read()
    assert (reader.at, published(context)) == (log.capacity + 6, log.capacity + 6)
    assert [one.count for one in spooled(context)] == [11]


def suppressed(reader: Reader) -> list[int]:
    """Triggers of the present episodes, by anomaly."""
    return [one.suppressed for one in reader.detector.episodes()]


def respawned(context: StageContext) -> Reader:
    """A reader that knows nothing but what is on disk."""
    return Reader(context, EventLog.reader(context.runtime_dir))


def test_window_survives_the_detectors_death(context: StageContext, log: EventLog) -> None:
    reader = respawned(context)
    append(log, operations(6))
    reader.read()
    append(log, operations(5, at_ns=START_NS + SECOND // 2))
    respawned(context).read()
    assert [one.count for one in spooled(context)] == [11]


def test_episode_survives_the_detectors_death(context: StageContext, log: EventLog) -> None:
    reader = respawned(context)
    append(log, operations(11))
    reader.read()
    append(log, operations(11, at_ns=START_NS + 2 * SECOND))
    successor = respawned(context)
    successor.read()
    assert len(spooled(context)) == 1
    assert suppressed(successor) == [1, 0]


def test_death_before_the_position_is_published_names_the_same_anomaly_again(
    context: StageContext, log: EventLog
) -> None:
    reader = respawned(context)
    append(log, operations(30))
    reader.read()
    before = spooled(context)
    publish(context, 0)
    respawned(context).read()
    assert spooled(context) == before
    assert len(before) == 1


def test_what_is_declared_is_counted_once_with_the_position_however_often_detect_dies(
    context: StageContext, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = respawned(context)
    append(log, operations(30))
    monkeypatch.setattr(reader.position, "commit", lambda _said: None)  # killed before
    reader.read()
    assert (len(spooled(context)), read_evaluated(context.runtime_dir).declared) == (1, 0)
    respawned(context).read()
    respawned(context).read()
    assert read_evaluated(context.runtime_dir) == Evaluated(30, 0, 1)


def test_records_that_detect_came_too_late_for_are_counted(
    context: StageContext, log: EventLog
) -> None:
    append(log, operations(log.capacity, latency_ns=1))
    append(log, operations(100, latency_ns=1))
    publish(context, 40)
    reader = respawned(context)
    assert read_evaluated(context.runtime_dir) == Evaluated(100, 60)
    reader.read()
    assert read_evaluated(context.runtime_dir) == Evaluated(log.position, 60)


def test_an_anomaly_that_cannot_be_spooled_is_counted_as_such(
    context: StageContext, log: EventLog
) -> None:
    reader = respawned(context)
    reader.declaring.spool_dir = reader.declaring.spool_dir / "missing"
    append(log, operations(30))
    reader.read()
    assert read_evaluated(context.runtime_dir) == Evaluated(30, 0, 1, 1)


def test_an_anomaly_for_which_there_is_no_room_is_refused_and_counted(
    context: StageContext,
    log: EventLog,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(spool, "MAX_PENDING", 1)
    capture = Inbox(context._zmq, context.runtime_dir, "capture")
    reader = respawned(context)
    for at_ns in (START_NS, START_NS + 100 * SECOND, START_NS + 200 * SECOND):
        append(log, operations(11, at_ns=at_ns))
    reader.read()
    said = read_evaluated(context.runtime_dir)
    assert (said.declared, said.unspooled, said.refused) == (3, 2, 2)
    assert caplog.text.count("1 others wait: anomalies that come now get no bundle") == 1
    assert capture.socket.poll(60_000)
    assert isinstance(received(capture), Anomaly)
    assert not capture.socket.poll(200)
    capture.close()


def test_an_anomaly_that_nobody_can_be_told_of_is_refused_and_counted(
    context: StageContext, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spool takes nothing, and capture has not listened for long."""
    reader = respawned(context)
    reader.declaring.spool_dir = reader.declaring.spool_dir / "missing"
    monkeypatch.setattr(reader.declaring.outbox, "send", lambda _: False)
    append(log, operations(30))
    reader.read()
    assert read_evaluated(context.runtime_dir) == Evaluated(30, 0, 1, unspooled=1, refused=1)


@pytest.mark.parametrize(("claimed", "begins"), [(0, 100), (50, 100), (200, 200), (2**63, 16_484)])
def test_position_outside_of_the_log_is_not_believed(
    context: StageContext, log: EventLog, claimed: int, begins: int
) -> None:
    append(log, operations(log.capacity, latency_ns=1))
    append(log, operations(100, latency_ns=1))
    publish(context, claimed)
    assert respawned(context).at == begins


def test_history_that_is_being_overwritten_is_not_remembered(
    context: StageContext, log: EventLog
) -> None:
    """Records of a commit in the making must not be counted now and again when they are there."""
    append(log, operations(log.capacity, latency_ns=1))
    ReadPosition.open(context.runtime_dir, log.capacity)
    log.records[:11] = operations(11, at_ns=START_NS + 100 * SECOND)  # not committed yet
    reader = respawned(context)
    assert append(log, operations(11, at_ns=START_NS + 100 * SECOND)) == 11
    reader.read()
    assert [one.count for one in spooled(context)] == [11]
    assert suppressed(reader) == [0, 0]


STEPS = st.lists(
    st.tuples(st.integers(1, 400_000_000), st.sampled_from([1, SLOW_NS, SLOW_NS, 2 * SECOND])),
    min_size=1,
    max_size=80,
)


def stream(steps: list[tuple[int, int]]) -> Events:
    made = operations(len(steps))
    made["end_ns"] = START_NS + np.cumsum([step for step, _ in steps])
    made["latency_ns"] = [latency for _, latency in steps]
    return made


@settings(max_examples=25)
@given(
    STEPS,
    st.lists(st.tuples(st.integers(1, 40), st.booleans(), st.booleans()), max_size=6),
    st.sampled_from([0.0, 0.5, 60.0]),
)
def test_deaths_change_nothing_about_what_is_declared(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, int]],
    turns: list[tuple[int, bool, bool]],
    cooldown_sec: float,
) -> None:
    """After each turn the detector may die, perhaps before it published its position."""
    with detect_context(tmp_path_factory.mktemp("d"), cooldown_sec=cooldown_sec) as context:
        log = EventLog.create(context.runtime_dir, 1)
        events, at = stream(steps), 0
        reader = respawned(context)
        for count, dies, unpublished in [*turns, (len(events), False, False)]:
            before = published(context)
            append(log, events[at : at + count])
            at = min(at + count, len(events))
            reader.read()
            if dies and unpublished:
                publish(context, before)
            if dies:
                reader = respawned(context)
        expected = (
            Detector(rules(context.config), log.realtime_offset_ns, Names).feed(events).anomalies
        )
        assert spooled(context) == sorted(expected, key=lambda one: one.timestamp)


def test_the_end_of_a_cool_down_is_said_once_with_what_it_hid(
    context: StageContext, log: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    reader = respawned(context)
    append(log, operations(25))
    reader.read()
    until = START_NS / SECOND + 60
    for now in (until, until + 1, until + 2, until + 3):
        reader.report(now)
    said = [one for one in caplog.messages if "cool-down ended" in one]
    assert len(said) == 1
    assert said[0].startswith("Latency anomaly 'slow' (aod_")
    assert "cool-down ended, 4 triggers suppressed" in said[0]


def told(inbox: Inbox) -> list[tuple[str, int, int]]:
    """What capture was told of suppressed triggers."""
    found = []
    while inbox.socket.poll(500):
        message = received(inbox)
        if isinstance(message, Suppressed):
            found.append((message.name, message.timestamp, message.count))
    return found


def test_capture_is_told_once_what_an_episode_hid(context: StageContext, log: EventLog) -> None:
    capture = Inbox(context._zmq, context.runtime_dir, "capture")
    reader = respawned(context)
    append(log, operations(25))
    reader.read()
    (first,) = spooled(context)
    assert told(capture) == []
    until = START_NS / SECOND + 60
    reader.report(until)
    reader.report(until + 1)
    append(log, operations(22, at_ns=START_NS + 70 * SECOND))
    reader.read()  # declares anew: the first episode has been told of, the second is open
    reader.end_episodes()
    reader.end_episodes()
    last = spooled(context)[-1]
    assert last.suppressed == 4
    assert told(capture) == [("slow", first.timestamp, 4), ("slow", last.timestamp, 1)]
    capture.close()


def test_an_episode_that_an_emergency_interrupts_is_told(
    context: StageContext, log: EventLog
) -> None:
    capture = Inbox(context._zmq, context.runtime_dir, "capture")
    respawned(context).read()
    append(log, operations(23))
    respawned(context).read()
    (first,) = spooled(context)
    append(log, operations(1, at_ns=START_NS + 2 * SECOND, latency_ns=2 * SECOND))
    respawned(context).read()  # knows the first declaration from the history alone
    assert told(capture) == [("slow", first.timestamp, 2)]
    capture.close()


def test_the_status_is_written_when_something_changed_and_not_more_than_once_a_second(
    context: StageContext, log: EventLog
) -> None:
    reader = respawned(context)
    reader.report(1.0)
    append(log, operations(11))
    reader.read()
    reader.report(1.5)
    assert [one.declared for one in anomalies.FILE.read(context.runtime_dir).episodes] == [0, 0]
    reader.report(2.0)
    assert [one.declared for one in anomalies.FILE.read(context.runtime_dir).episodes] == [1, 0]
    (context.runtime_dir / anomalies.FILE.name).unlink()
    reader.report(3.0)
    assert not (context.runtime_dir / anomalies.FILE.name).exists()


def test_the_log_tells_how_hanging_operations_ended_but_no_endless_list(
    context: StageContext, log: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    reader = respawned(context)
    hung = operations(8, latency_ns=SECOND)
    hung["flags"] = IN_FLIGHT
    append(log, hung)
    ended = operations(8, at_ns=START_NS + SECOND, latency_ns=2 * SECOND)
    append(log, ended)
    reader.read()
    said = [one for one in caplog.messages if "hung operation finished: " in one]
    assert len(said) == 5
    (anomaly,) = spooled(context)
    bundle = f"(aod_{anomaly.timestamp})"
    assert said[0] == f"hung operation finished: SMB2_WRITE of [0] took 2,000.0 ms {bundle}"
    assert "3 more hung operations finished" in caplog.messages
    reader.report(1.0)
    assert len(anomalies.FILE.read(context.runtime_dir).ended) == 8
