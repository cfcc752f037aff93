"""What the event log has around a trigger: from before it on, piece by piece."""

import time
from pathlib import Path

import numpy as np
import pytest

from aod.anomaly import Cause
from aod.bundles import history
from aod.bundles.history import Recorded
from aod.bundles.sorting import PIECE
from aod.config.schema import Capture
from aod.event import NO_EVENTS, Events, joined
from aod.state.counters import CounterRing
from aod.transport.eventlog import HEADER_DTYPE, EventLog
from aod.transport.position import Evaluated, ReadPosition
from tests.unit.samples import TIMESTAMP, anomaly, event_log, records
from tests.unit.transport.test_eventlog_ring import append

SEC = 10**9


def span(before_ns: int, after_ns: int = 60 * SEC) -> Capture:
    return Capture(history_sec=before_ns / SEC, post_sec=after_ns / SEC)


def events(recorded: Recorded) -> Events:
    """Those of the log, as they lie there."""
    return joined(NO_EVENTS, *recorded.pieces)


def test_history_begins_before_the_trigger_and_ends_now(tmp_path: Path) -> None:
    event_log(tmp_path, records(1 * SEC, 3 * SEC, 4 * SEC, 5 * SEC, 9 * SEC))
    recalled = history.recall(tmp_path, span(2 * SEC), anomaly(trigger_ns=5 * SEC))
    assert events(recalled)["end_ns"].tolist() == [3 * SEC, 4 * SEC, 5 * SEC, 9 * SEC]
    assert recalled.note == ""


def test_what_was_recalled_is_completed_up_to_the_end_of_the_span(tmp_path: Path) -> None:
    log = event_log(tmp_path, records(1 * SEC, 4 * SEC, 5 * SEC))
    declared, around = anomaly(trigger_ns=5 * SEC), span(2 * SEC, 3 * SEC)
    first = history.recall(tmp_path, around, declared)
    append(log, records(7 * SEC, 6 * SEC, 9 * SEC))
    second = history.recall(tmp_path, around, declared, first)
    assert events(first)["end_ns"].tolist() == [4 * SEC, 5 * SEC]
    assert events(second)["end_ns"].tolist() == [7 * SEC, 6 * SEC]
    assert (first.position, second.position) == (3, 6)


def test_what_is_new_in_a_log_that_was_overwritten(tmp_path: Path) -> None:
    log = event_log(tmp_path, records(5 * SEC))
    first = history.recall(tmp_path, span(SEC), anomaly())
    append(log, records(*[6 * SEC] * log.capacity))
    second = history.recall(tmp_path, span(SEC), anomaly(), first)
    assert len(events(second)) == log.capacity - log.commit_records


def test_a_log_that_began_anew_has_nothing_for_what_was_before(tmp_path: Path) -> None:
    event_log(tmp_path, records(5 * SEC, 5 * SEC))
    first = history.recall(tmp_path, span(SEC), anomaly())
    (tmp_path / "events.log").unlink()
    event_log(tmp_path, records(6 * SEC))
    assert len(events(history.recall(tmp_path, span(SEC), anomaly(), first))) == 0


@pytest.mark.parametrize("is_of_another_boot", [False, True])
def test_without_its_log_nothing_is_new_and_the_rest_still_holds(
    tmp_path: Path, is_of_another_boot: bool
) -> None:
    event_log(tmp_path, records(5 * SEC))
    first = history.recall(tmp_path, span(SEC), anomaly())
    assert len(events(first)) == 1
    (tmp_path / "events.log").unlink()
    if is_of_another_boot:
        event_log(tmp_path, records(5 * SEC), trigger_ns=3600 * SEC)
    second = history.recall(tmp_path, span(SEC), anomaly(), first)
    assert len(events(second)) == 0
    assert (second.losses, second.note, second.position) == (first.losses, "", 1)


def test_no_piece_is_larger_than_what_is_looked_at_together(tmp_path: Path) -> None:
    event_log(tmp_path, records(*range(16384)))
    pieces = list(history.recall(tmp_path, span(60 * SEC), anomaly()).pieces)
    assert max(map(len, pieces)) == PIECE


def test_a_history_longer_than_the_uptime_is_all_there_is(tmp_path: Path) -> None:
    event_log(tmp_path, records(1, 5 * SEC))
    assert len(events(history.recall(tmp_path, span(60 * SEC), anomaly()))) == 2


def test_losses_are_told(tmp_path: Path) -> None:
    log = event_log(tmp_path, records())
    log.header["stats"]["dropped_ring_full"][[8, 9]] = 2
    log.header["stats"]["unanswered"][0] = 1
    log.header["gave_up"][9] = 7
    log.header["missed"] = 5
    ReadPosition.open(tmp_path).commit(Evaluated(10, 3))
    assert history.recall(tmp_path, span(SEC), anomaly()).losses == {
        "unanswered": 1,
        "dropped_ring_full": 4,
        "dropped_inflight_full": 0,
        "dropped_simulated": 0,
        "gave_up": 7,
        "refused_by_detect": 0,
        "missed": 5,
        "skipped": 3,
    }


def test_another_boots_anomaly_has_no_history_here(tmp_path: Path) -> None:
    event_log(tmp_path, records(5 * SEC))
    other = anomaly(timestamp=TIMESTAMP - 3600 * SEC)
    recalled = history.recall(tmp_path, span(SEC), other)
    assert len(events(recalled)) == 0
    assert "another boot" in recalled.note


def test_an_anomaly_of_before_the_clock_was_set_has_its_history(tmp_path: Path) -> None:
    log = event_log(tmp_path, records(5 * SEC))
    now_ns = time.time_ns() - time.monotonic_ns()
    ring = CounterRing(tmp_path, 60)
    head = np.zeros((), HEADER_DTYPE)
    head["stats_ns"] = SEC
    ring.add(head)
    ring.close()
    log.header["realtime_offset_ns"] = now_ns - 3600 * SEC
    before = anomaly(trigger_ns=5 * SEC, timestamp=5 * SEC + now_ns)
    recalled = history.recall(tmp_path, span(SEC), before)
    assert (len(events(recalled)), recalled.note) == (1, "")
    assert recalled.losses["unanswered"] == 0


def test_a_manual_bundle_needs_no_agreement_of_clocks(tmp_path: Path) -> None:
    event_log(tmp_path, records(5 * SEC))
    manual = anomaly(timestamp=TIMESTAMP + 3600 * SEC, rule=Cause.MANUAL)
    assert len(events(history.recall(tmp_path, span(SEC), manual))) == 1


@pytest.mark.parametrize("content", [None, b"", b"x" * (1 << 20)])
def test_a_log_that_cannot_be_read_is_said(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "events.log").write_bytes(content)
    recalled = history.recall(tmp_path, span(SEC), anomaly())
    assert recalled.note.startswith("no history: ")
    assert len(events(recalled)) == 0
    assert recalled.losses == {}


def test_a_full_log_is_recalled_but_for_what_the_next_commit_may_overwrite(tmp_path: Path) -> None:
    log = EventLog.create(tmp_path, 1)
    capacity, unsafe = log.capacity, log.commit_records
    del log
    (tmp_path / "events.log").unlink()
    event_log(tmp_path, records(*range(capacity)))
    assert len(events(history.recall(tmp_path, span(60 * SEC), anomaly()))) == capacity - unsafe
