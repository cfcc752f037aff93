"""events.npy: byte for byte what all records in memory would have come to."""

import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.bundles import operations, sorting
from aod.bundles.manifest import Events as EventsInManifest
from aod.bundles.operations import Operations, count, read
from aod.event import NO_EVENTS, Events, joined
from aod.transport.eventlog import EventLog
from tests.unit.bundles import whole
from tests.unit.bundles.test_sorting import RECORDS
from tests.unit.samples import records

RUN = st.lists(RECORDS, max_size=4)


@pytest.fixture
def tiny() -> Iterator[None]:
    """Pieces of a few records: what is exceptional is the rule then."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (operations, sorting):
            patch.setattr(module, "PIECE", 3)
        patch.setattr(sorting, "_SMALLEST", 2)
        patch.setattr(sorting, "_LATE", 1)
        yield


def described(events: Events, trigger_ns: int, note: str) -> EventsInManifest:
    times = events["end_ns"]
    return EventsInManifest(
        file="events.npy",
        records=len(events),
        before_trigger=int(np.count_nonzero(times < trigger_ns)),
        first_end_ns=int(times[0]) if len(times) else None,
        last_end_ns=int(times[-1]) if len(times) else None,
        trigger_ns=trigger_ns,
        note=note,
    )


@pytest.mark.usefixtures("tiny")
@given(at_once=RUN, later=RUN, evidence=RECORDS, kept=RECORDS, interrupted=st.booleans())
def test_it_is_what_all_in_memory_come_to(
    at_once: list[Events], later: list[Events], evidence: Events, kept: Events, interrupted: bool
) -> None:
    encoded = evidence.tobytes()
    predecessors = whole.added(kept) if interrupted else NO_EVENTS
    history = NO_EVENTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if interrupted:
            (folder / "events.npy").write_bytes(whole.saved(predecessors))
        made = Operations(folder, encoded, interrupted=interrupted)
        for pieces in (at_once, later):
            made.add(iter(pieces))
            history = whole.added(history, *pieces)
            events, note = whole.with_evidence(history, encoded), "why"
            if len(predecessors) > len(events):
                events, note = predecessors, "from before an interruption"
            assert (folder / "events.npy").read_bytes() == whole.saved(events)
            assert made.described(3, "why") == described(events, 3, note)


def test_what_is_written_is_loaded_by_numpy_and_nobody_elses(tmp_path: Path) -> None:
    events = records(1, 2, 3, comm=b"cp", error=-13)
    Operations(tmp_path, b"", interrupted=False).add([events])
    loaded = np.load(tmp_path / "events.npy", allow_pickle=False)
    assert (loaded == events).all()
    assert (tmp_path / "events.npy").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["events.npy"]


@pytest.mark.parametrize("number", [0, 1, 9, 10, 99_999, 100_000, 262_144])
def test_many_records_and_none_are_a_file_as_numpy_writes_it(tmp_path: Path, number: int) -> None:
    events = records(*range(number))
    Operations(tmp_path, b"", interrupted=False).add([events])
    assert (tmp_path / "events.npy").read_bytes() == whole.saved(events)
    assert joined(NO_EVENTS, *read(tmp_path / "events.npy")).tobytes() == events.tobytes()


def test_a_predecessors_file_is_of_no_use_where_nothing_was_interrupted(tmp_path: Path) -> None:
    (tmp_path / "events.npy").write_bytes(whole.saved(records(1, 2, 3)))
    made = Operations(tmp_path, b"", interrupted=False)
    made.add([records(1)])
    assert made.described(1).records == 1


WHOLE = whole.saved(records(1, 2, 3))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x" * 1000,
        b"\0" * len(WHOLE),
        WHOLE[:100],
        WHOLE[:-1],
        WHOLE + b"x",
        WHOLE.replace(b"(3,)", b"(3,1)"),
        WHOLE.replace(b"(3,)", b"((((").replace(b"NUMPY\x01", b"NUMPY\x03"),
        WHOLE.replace(b"end_ns", b"END_ns"),
    ],
)
def test_what_is_no_whole_file_of_ours_has_no_records(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "events.npy"
    path.write_bytes(content)
    assert count(path) == 0
    made = Operations(tmp_path, b"", interrupted=True)
    made.add([records(1)])
    assert made.described(1).records == 1


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert count(tmp_path / "events.npy") == 0


@pytest.mark.parametrize("method", ["append", "merged"])
def test_where_there_is_no_room_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    made = Operations(tmp_path, records(0).tobytes(), interrupted=False)
    made.add([records(1)])

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(sorting.Runs, method, fail)
        made.add([records(2)])
    assert [path.name for path in tmp_path.iterdir()] == ["events.npy"]
    made.add([records(3)])
    assert np.load(tmp_path / "events.npy")["end_ns"].tolist() == [0, 1, 3]


MOST_BYTES = 6 << 20


@pytest.mark.parametrize("order", ["as they ended", "backwards"])
def test_a_whole_log_is_never_in_memory(tmp_path: Path, order: str) -> None:
    number, step = 262_144, 4096
    log = EventLog.create(tmp_path, 16)
    log.records["end_ns"] = (
        np.arange(number) if order == "as they ended" else np.arange(number, 0, -1)
    )
    evidence = records(5, pid=1).tobytes()
    made = Operations(tmp_path, evidence, interrupted=False)
    tracemalloc.start()
    for _ in range(2):
        made.add(log.records[at : at + step] for at in range(0, number, step))
        made.described(7)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made.described(7).records == 2 * number + 1
    assert peak_bytes < MOST_BYTES
