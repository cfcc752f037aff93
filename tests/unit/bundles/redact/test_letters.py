"""Small and capital letters, accents in one or two, in any escape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.bundles.redact.letters import composed, lowered, variants


@pytest.mark.parametrize(
    ("text", "small"),
    [
        (b"ABC", b"abc"),
        ("ÄÖ Ж Ω".encode(), "äö ж ω".encode()),
        (rb"GEH\303\204LTER \\303\\204", rb"geh\303\244lter \\303\\244"),
        (rb"\xc3\x84 \\xC3\\x84", rb"\xc3\xa4 \\xc3\\xa4"),
        (b"%C3%84 %20", b"%c3%a4 %20"),
        (rb"\u00C4 \\u0416 \u20ac", rb"\u00e4 \\u0436 \u20ac"),
        (rb"\\srv\share\320\x", rb"\\srv\share\320\x"),
    ],
)
def test_capitals_become_small_in_all_escapes(text: bytes, small: bytes) -> None:
    assert lowered(text) == small


@given(text=st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
def test_each_byte_stays_where_it_was(text: bytes) -> None:
    assert len(lowered(text)) == len(text)
    assert lowered(lowered(text)) == lowered(text)


@given(name=st.text(max_size=20))
def test_all_forms_of_a_name_have_one_in_common(name: str) -> None:
    common = composed(name.encode())
    assert composed(common) == common
    if name.isascii():
        assert variants(common) == (common,)


def test_an_accent_is_written_with_its_letter_or_behind_it() -> None:
    one, two = "gehälter".encode(), "geha\u0308lter".encode()
    assert composed(one) == composed(two) == composed("GEHA\u0308LTER".encode()) == one
    assert set(variants(one)) == {one, two}
    assert b"strasse" in variants("straße".encode())


def test_bytes_that_are_no_text_stay() -> None:
    assert composed(b"A\xff\xc3") == b"a\xff\xc3"
