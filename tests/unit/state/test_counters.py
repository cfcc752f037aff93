"""The ring of snapshots: bounded, readable at any moment, and gone on with after a death."""

import itertools
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.state import counters
from aod.state.counters import CLOSE_SLOTS, FAR_SLOTS, NAME, CounterRing
from aod.transport.eventlog import HEADER_DTYPE

SEC = 10**9


def header(taken_ns: int, started: int = 0) -> Any:
    head = np.zeros((), HEADER_DTYPE)
    head["stats_ns"], head["ring_id"], head["in_flight"] = taken_ns, 7, 2
    head["stats"]["started"][9] = started
    return head


def filled(folder: Path, *times_ns: int, history_sec: float = 60) -> CounterRing:
    ring = CounterRing(folder, history_sec)
    for number, taken_ns in enumerate(times_ns):
        ring.add(header(taken_ns, number))
    return ring


def times(folder: Path) -> list[int]:
    told: list[int] = counters.read(folder)["taken_ns"].tolist()
    return told


def test_what_is_added_is_read(tmp_path: Path) -> None:
    filled(tmp_path, 5 * SEC, 6 * SEC).close()
    found = counters.read(tmp_path)
    assert found["taken_ns"].tolist() == [5 * SEC, 6 * SEC]
    assert found["stats"]["started"][:, 9].tolist() == [0, 1]
    assert set(found["ring_id"].tolist()) == {7}
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o640


def test_the_file_stays_small(tmp_path: Path) -> None:
    ring = filled(tmp_path)
    empty = (tmp_path / NAME).stat().st_size
    assert (tmp_path / NAME).stat().st_blocks * 512 >= empty, "it has holes"
    for second in range(1, 300):
        ring.add(header(second * SEC))
    assert (tmp_path / NAME).stat().st_size == empty <= 600_000


def test_it_reaches_back_twice_the_history_and_is_close_at_the_end(tmp_path: Path) -> None:
    filled(tmp_path, *(second * SEC for second in range(1, 601)))
    found = times(tmp_path)
    assert found[-CLOSE_SLOTS:] == [second * SEC for second in range(585, 601)]
    assert found[0] <= (600 - 110) * SEC
    assert max(b - a for a, b in itertools.pairwise(found)) <= 5 * SEC


@given(steps_ms=st.lists(st.integers(100, 20_000), max_size=120), history_sec=st.integers(1, 3600))
def test_the_last_ones_and_no_more_than_fit(
    tmp_path_factory: pytest.TempPathFactory, steps_ms: list[int], history_sec: int
) -> None:
    folder = tmp_path_factory.mktemp("ring")
    taken = (np.cumsum([1000, *steps_ms]) * 1_000_000).tolist()
    filled(folder, *taken, history_sec=history_sec).close()
    found = times(folder)
    assert found[-CLOSE_SLOTS:] == taken[-CLOSE_SLOTS:]
    assert found == sorted(set(found))
    assert len(found) <= CLOSE_SLOTS + FAR_SLOTS


def test_a_successor_goes_on(tmp_path: Path) -> None:
    filled(tmp_path, 5 * SEC, 6 * SEC).close()
    filled(tmp_path, 7 * SEC).close()
    assert times(tmp_path) == [5 * SEC, 6 * SEC, 7 * SEC]


def test_a_ring_of_another_boot_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, *(second * SEC for second in range(1001, 1050))).close()
    since_boot_ns = time.monotonic_ns()
    monkeypatch.setattr(time, "monotonic_ns", lambda: since_boot_ns - 3600 * SEC)
    filled(tmp_path, *(second * SEC for second in range(1, 10))).close()
    assert times(tmp_path) == [second * SEC for second in range(1, 10)]


def test_a_slot_that_is_half_written_is_passed_over(tmp_path: Path) -> None:
    filled(tmp_path, 5 * SEC, 6 * SEC).close()
    with (tmp_path / NAME).open("r+b") as file:
        file.seek(len(b"AODCNT1\n") + 500)
        file.write(b"\xff")
    assert times(tmp_path) == [5 * SEC, 6 * SEC]  # the first one is among the far ones, too
    filled(tmp_path, 9 * SEC).close()
    assert times(tmp_path) == [5 * SEC, 6 * SEC, 9 * SEC]


def test_a_file_of_another_version_is_replaced(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"something else")
    with pytest.raises(ValueError, match="not the counters"):
        counters.read(tmp_path)
    filled(tmp_path, 5 * SEC).close()
    assert times(tmp_path) == [5 * SEC]


def test_links_are_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / NAME).symlink_to(target)
    with pytest.raises(ValueError, match="symbolic link"):
        counters.read(tmp_path)
    filled(tmp_path, 5 * SEC).close()
    assert target.read_text() == "precious"
    assert not (tmp_path / NAME).is_symlink()


@given(noise=st.binary(max_size=200), at=st.integers(0, 500_000))
def test_no_content_is_a_surprise(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    folder = tmp_path_factory.mktemp("ring")
    filled(folder, 5 * SEC, 6 * SEC).close()
    fd = os.open(folder / NAME, os.O_WRONLY)
    os.pwrite(fd, noise, at)
    os.close(fd)
    try:
        assert set(times(folder)) <= {5 * SEC, 6 * SEC}
    except ValueError as error:
        assert "not the counters" in str(error)
