"""Hex in audit records: found, and written again."""

from hypothesis import given
from hypothesis import strategies as st

from aod.bundles.redact import hexed

WORDS = st.lists(st.binary(min_size=3, max_size=20).filter(lambda word: b"\0" not in word))


@given(words=WORDS)
def test_arguments_are_found_and_stay_what_they_are(words: list[bytes]) -> None:
    text = b"\0".join([b"mount", *words])
    record = b"audit[7]: proctitle=" + text.hex().encode() + b" x"
    (value,) = hexed.held(record)
    assert value.text == text
    assert record[value.start : value.end] == text.hex().encode()
    assert hexed.changed(value, bytes) == text.hex().upper().encode()


def test_arguments_become_lines() -> None:
    (value,) = hexed.held(b"audit: a0=" + b"mount\0//nas/my share".hex().encode())
    assert hexed.as_lines(value) == b'a0="mount"\na0="//nas/my share"'


def test_numbers_and_other_programs_are_left_alone() -> None:
    assert list(hexed.held(b"audit: uid=100000 inode=12345678 a0=ab")) == []
    assert list(hexed.held(b"app: name=616263646566")) == []
