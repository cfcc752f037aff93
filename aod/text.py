"""Types of what comes from another process: nothing without a limit, no text that plays tricks.

They stand in the structs that are decoded; msgspec refuses what does not fit. Whoever makes such a
text passes it through `text`, so that what we send is never refused.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

MAX_TEXT: Final = 4096
MAX_WORD: Final = 512
"""Letters: the longest is a name of 95 bytes, each shown as four letters."""
MAX_INT: Final = (1 << 63) - 1

# Control characters, and those that turn or hide what stands beside them on a terminal. Python's
# `$` matches before a last line feed, too.
_SHOWN: Final = r"^[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*(?!\n)$"

Text: TypeAlias = Annotated[str, Meta(max_length=MAX_TEXT, pattern=_SHOWN)]
"""A line for a person."""
Word: TypeAlias = Annotated[str, Meta(max_length=MAX_WORD, pattern=_SHOWN)]
"""A name that a task, a share or a server has."""
Identifier: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*(?!\n)$", max_length=64)
]
"""The key or the type of an anomaly, the name of an action."""
Natural: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INT)]
Positive: TypeAlias = Annotated[int, Meta(gt=0, le=MAX_INT)]
Unsigned: TypeAlias = Annotated[int, Meta(ge=0)]
"""A field of a record; no more than 64 bits, which a type cannot say: `check_unsigned`."""


def text(raw: str) -> str:
    """A `Text`: on one line, printable, and cut where it is too long."""
    return one_line(raw)[:MAX_TEXT]


def check_unsigned(*numbers: int) -> None:
    """Refuse what no field of 64 bits holds; for `__post_init__`.

    Raises:
        ValueError: one is larger; msgspec makes a ValidationError of it.
    """
    if max(numbers) >> 64:
        raise ValueError("a number of more than 64 bits")


def printable(text: bytes) -> str:
    """The text with `?` for what is not printable: no line of a log begins where it likes."""
    return shown(text.decode(errors="replace"))


def one_line(text: str) -> str:
    """The text of several lines in one, with `?` for what else is not printable."""
    return shown(" ".join(text.split()))


def shown(text: str) -> str:
    """The text, which is one line, with `?` for what is not printable."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


LONGEST: Final = 60
"""Of what a message quotes from the file."""

_PREFIXES: Final = ("nt_status_", "status_", "smb2_")
"""What people leave off, or write as Samba does: WRITE for SMB2_WRITE, NT_STATUS_ACCESS_DENIED."""

_LIKENESS: Final = 0.7
"""Of difflib, for what is compared without its prefix."""


def quoted(text: str) -> str:
    """Text of the file as it may stand in a message: one short line, whatever it holds."""
    bare = text.isprintable() and text.strip() == text != ""
    return short(text if bare else repr(text))


def short(text: str) -> str:
    """The text, cut to what a message may quote."""
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def suggestion(word: str, options: Iterable[str]) -> str:
    """`did you mean SMB2_WRITE? ` or nothing.

    Prefixes are left out of the comparison: what all share makes nothing alike, and takes most of
    the time among 1,900 names.
    """
    stems: dict[str, str] = {}
    for option in options:
        stems.setdefault(_stem(option), option)
    stem = _stem(word)[:LONGEST]
    exact = [each for each in (stem, f"e{word.casefold()}") if each in stems]
    near = exact or get_close_matches(stem, stems, 3, _LIKENESS)
    if stem != word.casefold():  # who writes STATUS_ means a status
        near.sort(key=lambda each: stems[each].casefold() == each)
    return f"did you mean {stems[near[0]]}? " if near else ""


def _stem(name: str) -> str:
    folded = name.casefold()
    prefix = next((each for each in _PREFIXES if folded.startswith(each)), "")
    return folded.removeprefix(prefix)


def utc_now() -> str:
    """Now, in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
