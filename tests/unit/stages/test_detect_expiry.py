"""An expired session counts when its time is up, though nothing more comes; whoever dies then."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.anomaly import Anomaly
from aod.detectors.connection import Connection
from aod.detectors.renewal import RENEWAL_NS
from aod.stages.base import StageContext
from aod.stages.detect import SETTLED_NS, Reader
from aod.state import spool
from aod.transport.eventlog import EventLog
from aod.transport.position import read_evaluated
from tests.unit.detecting import SECOND, detect_context
from tests.unit.detectors.expiring import expiry, reconnect, renewal, stream, write
from tests.unit.transport.test_eventlog_ring import append

AT = 1000 * SECOND
DUE = AT + RENEWAL_NS


@pytest.fixture
def context(tmp_path: Path) -> Iterator[StageContext]:
    with detect_context(tmp_path, broken=Connection()) as made:
        yield made


@pytest.fixture
def log(context: StageContext) -> EventLog:
    return EventLog.create(context.runtime_dir, 1)


def reader(context: StageContext) -> Reader:
    return Reader(context, EventLog.reader(context.runtime_dir))


def spooled(context: StageContext) -> list[Anomaly]:
    return [spool.read(path) for path in spool.pending(context.config.state_dir / spool.FOLDER)]


def all_is_collected(log: EventLog, until_ns: int) -> None:
    """What ended by then is in the log: collect has read the kernel's counters long enough after
    it."""
    log.header["stats_ns"] = until_ns + SETTLED_NS


def test_it_counts_when_its_time_is_up_and_no_earlier(context: StageContext, log: EventLog) -> None:
    made = reader(context)
    append(log, stream(expiry(AT), reconnect(AT + 1)))
    made.read()
    all_is_collected(log, DUE - 1)
    made.read()
    assert spooled(context) == []
    all_is_collected(log, DUE)
    made.read()
    made.read()
    assert [one.trigger_ns for one in spooled(context)] == [DUE]
    assert read_evaluated(context.runtime_dir).declared == 1


def test_what_is_renewed_never_does(context: StageContext, log: EventLog) -> None:
    made = reader(context)
    append(log, renewal(AT))
    all_is_collected(log, AT + 60 * SECOND)
    made.read()
    made.read()
    assert spooled(context) == []


def test_records_go_before_the_clock(context: StageContext, log: EventLog) -> None:
    made = reader(context)
    append(log, expiry(AT))
    made.read()
    append(log, renewal(AT + 1)[2:])
    all_is_collected(log, AT + 60 * SECOND)
    made.read()
    assert spooled(context) == []


@pytest.mark.parametrize("read_before", [False, True])
def test_a_detector_that_dies_while_it_is_held_leaves_it_to_the_next(
    context: StageContext, log: EventLog, read_before: bool
) -> None:
    first = reader(context)
    append(log, expiry(AT))
    if read_before:
        first.read()
    all_is_collected(log, DUE)
    second = reader(context)
    second.read()
    second.read()
    assert [one.trigger_ns for one in spooled(context)] == [DUE]


def test_one_that_dies_after_that_does_not_let_it_count_again(
    context: StageContext, log: EventLog
) -> None:
    first = reader(context)
    append(log, expiry(AT))
    first.read()
    all_is_collected(log, DUE)
    first.read()
    for path in spool.pending(context.config.state_dir / spool.FOLDER):
        spool.remove(path)  # its bundle is sealed
    second = reader(context)
    second.read()
    second.read()
    append(log, write(AT + 60 * SECOND))
    second.read()
    assert spooled(context) == []
    assert read_evaluated(context.runtime_dir).declared == 1


def test_one_that_is_killed_before_it_is_counted_names_the_same_anomaly_again(
    context: StageContext, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = reader(context)
    append(log, expiry(AT))
    first.read()
    monkeypatch.setattr(first.position, "commit", lambda _said: None)
    all_is_collected(log, DUE)
    first.read()
    before = spooled(context)
    reader(context).read()
    assert spooled(context) == before
    assert (len(before), read_evaluated(context.runtime_dir).declared) == (1, 1)
