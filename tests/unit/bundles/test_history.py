"""The operations of a bundle: from before the trigger on, sorted, each once."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.anomaly import Cause
from aod.bundles import history
from aod.config.schema import Capture
from aod.event import EVENT_DTYPE, Events
from aod.state.counters import CounterRing
from aod.transport.eventlog import HEADER_DTYPE, EventLog
from aod.transport.position import Evaluated, ReadPosition
from tests.unit.samples import TIMESTAMP, anomaly, event_log, records
from tests.unit.transport.test_eventlog_ring import append

SEC = 10**9


def span(before_ns: int, after_ns: int = 60 * SEC) -> Capture:
    return Capture(history_sec=before_ns / SEC, post_sec=after_ns / SEC)


def test_history_begins_before_the_trigger_and_ends_now(tmp_path: Path) -> None:
    event_log(tmp_path, records(1 * SEC, 3 * SEC, 4 * SEC, 5 * SEC, 9 * SEC))
    recalled = history.recall(tmp_path, span(2 * SEC), anomaly(trigger_ns=5 * SEC))
    assert recalled.events["end_ns"].tolist() == [3 * SEC, 4 * SEC, 5 * SEC, 9 * SEC]
    assert recalled.note == ""


def test_what_was_recalled_is_completed_up_to_the_end_of_the_span(tmp_path: Path) -> None:
    log = event_log(tmp_path, records(1 * SEC, 4 * SEC, 5 * SEC))
    declared, around = anomaly(trigger_ns=5 * SEC), span(2 * SEC, 3 * SEC)
    first = history.recall(tmp_path, around, declared)
    append(log, records(7 * SEC, 6 * SEC, 9 * SEC))
    second = history.recall(tmp_path, around, declared, first)
    assert second.events["end_ns"].tolist() == [4 * SEC, 5 * SEC, 6 * SEC, 7 * SEC]
    assert (first.position, second.position) == (3, 6)


def test_what_was_recalled_stays_when_the_log_is_overwritten(tmp_path: Path) -> None:
    log = event_log(tmp_path, records(5 * SEC))
    first = history.recall(tmp_path, span(SEC), anomaly())
    append(log, records(*[6 * SEC] * log.capacity))
    second = history.recall(tmp_path, span(SEC), anomaly(), first)
    assert int(second.events["end_ns"][0]) == 5 * SEC
    assert len(second.events) == 1 + log.capacity - log.commit_records


def test_what_was_recalled_stays_when_the_log_begins_anew(tmp_path: Path) -> None:
    event_log(tmp_path, records(5 * SEC, 5 * SEC))
    first = history.recall(tmp_path, span(SEC), anomaly())
    (tmp_path / "events.log").unlink()
    event_log(tmp_path, records(6 * SEC))
    second = history.recall(tmp_path, span(SEC), anomaly(), first)
    assert second.events["end_ns"].tolist() == [5 * SEC, 5 * SEC]


def test_what_was_recalled_stays_when_the_log_is_gone(tmp_path: Path) -> None:
    event_log(tmp_path, records(5 * SEC))
    first = history.recall(tmp_path, span(SEC), anomaly())
    (tmp_path / "events.log").unlink()
    assert history.recall(tmp_path, span(SEC), anomaly(), first) is first


def test_a_history_longer_than_the_uptime_is_all_there_is(tmp_path: Path) -> None:
    event_log(tmp_path, records(1, 5 * SEC))
    assert len(history.recall(tmp_path, span(60 * SEC), anomaly()).events) == 2


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
    assert len(recalled.events) == 0
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
    assert (len(recalled.events), recalled.note) == (1, "")
    assert recalled.losses["unanswered"] == 0


def test_a_manual_bundle_needs_no_agreement_of_clocks(tmp_path: Path) -> None:
    event_log(tmp_path, records(5 * SEC))
    manual = anomaly(timestamp=TIMESTAMP + 3600 * SEC, rule=Cause.MANUAL)
    assert len(history.recall(tmp_path, span(SEC), manual).events) == 1


@pytest.mark.parametrize("content", [None, b"", b"x" * (1 << 20)])
def test_a_log_that_cannot_be_read_is_said(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "events.log").write_bytes(content)
    recalled = history.recall(tmp_path, span(SEC), anomaly())
    assert recalled.note.startswith("no history: ")
    assert recalled.events.dtype == EVENT_DTYPE
    assert recalled.losses == {}


def rows(events: Events) -> list[bytes]:
    return [record.tobytes() for record in events]


RECORDS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=12)


def build(pairs: list[tuple[int, int]]) -> Events:
    made = records(*(end_ns for end_ns, _ in pairs))
    made["mid"] = [mid for _, mid in pairs]
    return made


@given(past=st.sets(st.tuples(st.integers(0, 6), st.integers(0, 2))), evidence=RECORDS)
def test_merging_agrees_with_sets(
    past: set[tuple[int, int]], evidence: list[tuple[int, int]]
) -> None:
    merged = history.merged(build(sorted(past)), build(evidence).tobytes())
    assert merged.dtype == EVENT_DTYPE
    assert sorted(rows(merged)) == sorted(set(rows(build([*past, *evidence]))))
    assert (np.diff(merged["end_ns"].astype(np.int64)) >= 0).all()


def test_what_is_saved_is_loaded_and_described(tmp_path: Path) -> None:
    events = records(1, 2, 3, comm=b"cp", error=-13)
    described = history.save(tmp_path, events, trigger_ns=3)
    loaded = np.load(tmp_path / "events.npy", allow_pickle=False)
    assert loaded.dtype == EVENT_DTYPE
    assert (loaded == events).all()
    assert (described.records, described.before_trigger) == (3, 2)
    assert (described.first_end_ns, described.last_end_ns) == (1, 3)
    assert (tmp_path / "events.npy").stat().st_mode & 0o777 == 0o640


def test_no_events_are_a_file_too(tmp_path: Path) -> None:
    described = history.save(tmp_path, records(), trigger_ns=3, note="no history: why")
    assert np.load(tmp_path / "events.npy").shape == (0,)
    assert (described.records, described.first_end_ns, described.last_end_ns) == (0, None, None)
    assert described.note == "no history: why"


def test_a_full_log_is_recalled_but_for_what_the_next_commit_may_overwrite(tmp_path: Path) -> None:
    log = EventLog.create(tmp_path, 1)
    capacity, unsafe = log.capacity, log.commit_records
    del log
    (tmp_path / "events.log").unlink()
    event_log(tmp_path, records(*range(capacity)))
    assert len(history.recall(tmp_path, span(60 * SEC), anomaly()).events) == capacity - unsafe
