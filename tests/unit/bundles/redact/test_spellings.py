"""Spellings of a name, and the pattern for many names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.bundles.redact.spellings import any_of, of_units, plain, spellings

WORDS = st.sets(st.binary(min_size=1, max_size=8), max_size=40)


@given(words=WORDS, text=st.binary(max_size=60))
def test_the_pattern_finds_the_longest_word_at_a_place(words: set[bytes], text: bytes) -> None:
    pattern = re.compile(any_of(words), re.DOTALL)
    for start in range(len(text)):
        match = pattern.match(text, start)
        here = [word for word in words if text.startswith(word, start)]
        assert (match[0] if match else None) == max(here, key=len, default=None)


def test_no_words_are_found_nowhere() -> None:
    assert re.search(any_of([]), b"anything") is None


def test_a_name_in_a_mount_table_a_url_and_json() -> None:
    made = spellings("Ä b".encode())
    assert {"ä b".encode(), b"%c3%a4%20b", b"\\u00e4 b", b"\\303\\244\\040b"} <= made
    assert b'say \\"hi\\"' in spellings(b'say "hi"')


@pytest.mark.parametrize(
    ("escaped", "name"),
    [
        (rb"my\040share\011x\043", b"my share\tx#"),
        (rb"my\\040share\054", b"my share,"),
        (rb"geh\303\204lter", "gehälter".encode()),
        (rb"geh\\u00c4lter", "gehälter".encode()),
        (rb"geh%c3%84lter%20x", "gehälter x".encode()),
        ("geha\u0308lter".encode(), "gehälter".encode()),
        (rb"data\2026 100%ab \x20", rb"data\2026 100%ab \x20"),
    ],
)
def test_escapes_are_taken_back(escaped: bytes, name: bytes) -> None:
    assert plain(escaped) == name


def test_units_of_a_path() -> None:
    assert of_units(b"/mnt/hr-data/.q one") == {
        rb"mnt-hr\x2ddata-.q\x20one",
        rb"mnt-hr\\x2ddata-.q\\x20one",
    }
    assert of_units(b"/.mnt") == {rb"\x2emnt", rb"\\x2emnt"}
