"""Spellings of a name, and the pattern for many names."""

import re

from hypothesis import given
from hypothesis import strategies as st

from aod.bundles.redact.spellings import any_of, plain, spellings

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
    assert {"Ä b".encode().lower(), b"%c3%84%20b", b"\\u00c4 b", b"\\303\\204\\040b"} <= made
    assert b'say \\"hi\\"' in spellings(b'say "hi"')


def test_octal_is_taken_back() -> None:
    assert plain(rb"My\040Share\134x") == b"My Share\\x"
