"""Bytes of a stranger become a text that does no harm to a log."""

import pytest

from aod.text import one_line, printable, utc


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"app", "app"),
        (b"", ""),
        ("Müller".encode(), "Müller"),
        (b"a\nERROR b", "a?ERROR b"),
        (b"\x1b[2J", "?[2J"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        ("\u202eabc".encode(), "?abc"),
    ],
)
def test_what_is_not_printable_is_replaced(text: bytes, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("no module\n  named x\n", "no module named x"), ("\x1b[2J\ta\r\nb", "?[2J a b"), ("", "")],
)
def test_several_lines_become_one(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_time_is_cut_off_not_rounded() -> None:
    almost = 1_795_380_498_000_000_000 - 1
    assert utc(almost) == "2026-11-22 20:48:17 UTC"
    assert utc(almost, millis=True) == "2026-11-22 20:48:17.999 UTC"
