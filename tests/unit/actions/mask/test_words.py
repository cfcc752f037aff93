"""Lines with one of some words are found as a search for each of them finds them."""

from hypothesis import given
from hypothesis import strategies as st

from aod.actions.mask.words import Words

WORDS = (b"%", b"==", b"key", b"pass", b"token", b"command continued")
HARMLESS = b"keyring"
TEXTS = st.lists(
    st.sampled_from([b"\n", b"a", b"ke", b"y", b"=", b"ring", b"x" * 50, *WORDS]), max_size=40
).map(b"".join)


@given(TEXTS)
def test_each_line_with_a_word_is_in_a_run_and_no_other(text: bytes) -> None:
    text = text + b"\n" + b"x" * 2000  # few places in much text
    runs = list(Words(WORDS, but=HARMLESS).runs(text))
    found = {line for start, end in runs for line in range(*_lines(text, start, end))}
    wanted = {
        at
        for at, line in enumerate(text.split(b"\n"))
        if any(word in line.replace(HARMLESS, b"") for word in WORDS) or b"==" in line
    }
    assert found == wanted
    assert all(start == 0 or text[start - 1 : start] == b"\n" for start, _ in runs)


def _lines(text: bytes, start: int, end: int) -> tuple[int, int]:
    return text.count(b"\n", 0, start), text.count(b"\n", 0, end) + 1


def test_where_there_are_many_all_of_it_is_one() -> None:
    assert list(Words(WORDS).runs(b"%\n" * 999)) == [(0, 1998)]
    assert list(Words(WORDS).runs(b"")) == []
    assert list(Words(()).runs(b"%\n" * 999)) == []
