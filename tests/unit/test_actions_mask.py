"""Secrets are masked wherever the pieces of a stream happen to be cut; the rest stays as it is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.actions.mask import LineMask, mask, mask_text

SECRET = b"hunter2"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (b"rw,password=hunter2,uid=0", b"rw,password=***,uid=0"),
        (b"rw,pass=hunter2", b"rw,pass=***"),
        (b"password2=hunter2,vers=3.1.1", b"password2=***,vers=3.1.1"),
        (b"PASSWD=hunter2\nUSER=me", b"PASSWD=***\nUSER=me"),
        (b"credentials=/etc/hunter2 0 0", b"credentials=*** 0 0"),
        (b"cred=hunter2,rw", b"cred=***,rw"),
        (b"password=hunter2,,more,rw", b"password=***,rw"),
        (b'password="hunter2 with, more" rw', b"password=*** rw"),
        (b"//me:hunter2@host/share", b"//me:***@host/share"),
        (b"mount -o user=me,password = hunter2", b"mount -o user=me,password = ***"),
        (b"access_token=hunter2 ok", b"access_token=*** ok"),
    ],
)
def test_a_value_is_masked_and_nothing_else(text: bytes, masked: bytes) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        b"//127.0.0.1/share /mnt cifs rw,vers=3.1.1,username=me,passthrough=1 0 0",
        b"//[fe80::1]/share /mnt cifs rw 0 0",
        b"compass=3 bypass=4",
        b"no password given",
    ],
)
def test_what_is_no_secret_stays(text: bytes) -> None:
    assert mask(text) == text


def test_text_that_is_not_utf8_is_masked_too() -> None:
    assert mask_text("\udcff pass=hunter2") == "\ufffd pass=***"


LINES = b"a=1,password=hunter2,b=2\n\n//me:hunter2@h/s x\nlast pass=hunter2"


@given(cuts=st.lists(st.integers(0, len(LINES)), max_size=8))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(LINES)]
    masker = LineMask()
    out = b"".join(masker.feed(LINES[a:b]) for a, b in pairwise(edges))
    assert out + masker.finish() == mask(LINES)


def test_a_line_without_end_is_passed_on_and_still_masked() -> None:
    masker = LineMask()
    out, pieces = b"", 0
    while len(out) < 1 << 20:
        piece = masker.feed(b"option,password=hunter2," * 100)
        out += piece
        pieces += 1
        assert pieces < 1000
    assert SECRET not in out + masker.finish()
    assert out.startswith(b"option,password=***,option")


def test_a_word_without_end_does_not_fill_the_memory() -> None:
    masker = LineMask()
    out = sum(len(masker.feed(b"x" * 50_000)) for _ in range(20))
    assert out + len(masker.finish()) == 1_000_000
    assert len(masker._held) == 0
