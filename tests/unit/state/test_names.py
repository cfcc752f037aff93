"""Names go out and come back as the same timestamp, and nothing else passes for one of ours."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.state import names

Make = Callable[[int], str]
Parse = Callable[[str], int | None]
PAIRS: list[tuple[Make, Parse]] = [
    (names.folder, names.folder.timestamp),
    (names.archive, names.archive.timestamp),
    (names.unfinished, names.unfinished.timestamp),
    (names.spooled, names.spooled.timestamp),
]


@pytest.mark.parametrize(("make", "parse"), PAIRS)
@given(timestamp=st.integers(1, 2**64 - 1))
def test_names_round_trip(make: Make, parse: Parse, timestamp: int) -> None:
    assert parse(make(timestamp)) == timestamp


@pytest.mark.parametrize(("make", "parse"), PAIRS)
def test_a_name_belongs_to_one_kind_only(make: Make, parse: Parse) -> None:
    assert [other(make(7)) for _, other in PAIRS if other is not parse] == [None] * 3


@pytest.mark.parametrize("digits", ["", "0", "012", "-1", "+1", "1 ", "٣", "1\n", "../1", "9" * 21])
def test_what_is_not_a_timestamp_is_not_ours(digits: str) -> None:
    assert names.folder.timestamp(f"aod_{digits}") is None
    assert names.archive.timestamp(f"aod_{digits}.tar.zst") is None
    assert names.spooled.timestamp(f"{digits}.json") is None
