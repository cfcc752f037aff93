"""Parts that are written at the same time stand in their order, and take no more room than one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aod.actions.output import Budget, FullError, Keep, OutputFile
from aod.actions.sections import Sections

Make = Callable[..., Sections]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(count: int, max_bytes: int = 100, left: int = 1000) -> Sections:
        file = OutputFile(tmp_path / "file", max_bytes, Keep.START, Budget(left))
        return Sections(file, count, max_bytes)

    return made


def content(sections: Sections, folder: Path) -> bytes:
    sections._file.close()
    return (folder / "file").read_bytes()


def test_the_first_part_is_in_the_file_at_once(make: Make, tmp_path: Path) -> None:
    sections = make(2)
    sections.write(1, b"two")
    sections.write(0, b"one")
    sections._file._file.flush()
    assert (tmp_path / "file").read_bytes() == b"one"
    sections.finish(0)
    assert content(sections, tmp_path) == b"onetwo"


def test_a_part_that_has_become_the_first_goes_on_in_the_file(make: Make, tmp_path: Path) -> None:
    sections = make(3)
    sections.write(1, b"b")
    sections.write(2, b"c")
    sections.finish(2)
    sections.finish(0)
    sections.write(1, b"B")
    sections.finish(1)
    assert content(sections, tmp_path) == b"bBc"


def test_what_waits_has_no_more_room_than_the_file(make: Make, tmp_path: Path) -> None:
    sections = make(3, max_bytes=10)
    sections.write(1, b"12345678")
    assert sections.why_full == ""
    with pytest.raises(FullError):
        sections.write(2, b"12345678")
    assert sections.why_full == "the file is full"
    for at in range(3):
        sections.finish(at)
    assert content(sections, tmp_path) == b"1234567812"
    assert sections.cut == {2}


def test_a_bundle_that_is_full_meanwhile_cuts_what_waited(make: Make, tmp_path: Path) -> None:
    sections = make(2, left=4)
    sections.write(1, b"two")
    sections.write(0, b"one")
    sections.finish(0)
    assert content(sections, tmp_path) == b"onet"
    assert sections.cut == {1}
    assert sections.why_full == "the bundle is full: capture.max_bundle_mb"


@settings(deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 4), st.binary(max_size=5)), max_size=40),
    ends=st.permutations(range(5)),
)
def test_whatever_the_order_of_writing(
    steps: list[tuple[int, bytes]], ends: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sections")
    sections = Sections(OutputFile(folder / "file", 1000, Keep.START, Budget(1000)), 5, 1000)
    finished: set[int] = set()
    whole = [b""] * 5
    for number, (at, data) in enumerate(steps):
        if at not in finished:
            sections.write(at, data)
            whole[at] += data
        if number % 8 == 7:
            sections.finish(ends[number // 8])
            finished.add(ends[number // 8])
    for at in {*range(5)} - finished:
        sections.finish(at)
    assert content(sections, folder) == b"".join(whole)
