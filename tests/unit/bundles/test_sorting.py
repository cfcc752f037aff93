"""Pieces of records in one order: as if all of them were sorted at once, in whatever order and
pieces they come."""

import io
from collections.abc import Iterator
from tempfile import TemporaryFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.bundles import sorting
from aod.bundles.sorting import Runs, merged, nearly_sorted
from aod.event import NO_EVENTS, Events, joined
from tests.unit.bundles import whole
from tests.unit.samples import records


@pytest.fixture(params=[1, 3], autouse=True)
def tiny(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pieces of a few records: what is exceptional is the rule then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "PIECE", request.param)
        patch.setattr(sorting, "_SMALLEST", 2)
        patch.setattr(sorting, "_LATE", 1)
        yield


def numbered(pairs: list[tuple[int, int]]) -> Events:
    """Records by (end_ns, mid), each with a number of its own that is no criterion."""
    made = records(*(end_ns for end_ns, _ in pairs))
    made["mid"] = [mid for _, mid in pairs]
    made["pid"] = np.arange(len(pairs))
    return made


RECORDS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=30).map(numbered)


def cut(events: Events, size: int) -> Iterator[Events]:
    return (events[at : at + size] for at in range(0, len(events), size))


def sorted_by_runs(events: Events, size: int) -> Events:
    with TemporaryFile() as file:
        runs = Runs(file)
        for piece in nearly_sorted(cut(events, size)):
            runs.append(piece)
        assert len(runs) == len(events)
        return joined(NO_EVENTS, *runs.merged())


@given(events=RECORDS, size=st.integers(1, 8))
def test_runs_come_to_what_sorting_all_at_once_does(events: Events, size: int) -> None:
    assert sorted_by_runs(events, size).tobytes() == whole.added(events).tobytes()


@given(runs=st.lists(RECORDS, max_size=5), size=st.integers(1, 8))
def test_of_equal_records_those_of_the_first_run_come_first(runs: list[Events], size: int) -> None:
    ordered = [whole.added(run) for run in runs]
    together = joined(NO_EVENTS, *merged(cut(run, size) for run in ordered))
    assert together.tobytes() == whole.added(NO_EVENTS, *ordered).tobytes()


def test_what_is_nearly_in_order_is_one_run_and_passes_in_pieces() -> None:
    neighbours = np.arange(1, 101).reshape(-1, 2)[:, ::-1].ravel()  # 2, 1, 4, 3 and so on
    pieces = list(nearly_sorted(cut(records(0, *neighbours), 2)))
    assert max(map(len, pieces)) <= 2
    runs = Runs(io.BytesIO())
    for piece in pieces:
        runs.append(piece)
    assert runs._lengths == [101]


def test_a_record_that_comes_much_too_late_begins_a_run_and_is_put_where_it_belongs() -> None:
    assert sorted_by_runs(records(*range(1, 100), 0), 4)["end_ns"].tolist() == list(range(100))


def test_nothing_is_sorted_to_nothing() -> None:
    assert len(sorted_by_runs(NO_EVENTS, 1)) == 0
