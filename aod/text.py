"""Text and numbers from other processes: types with limits, and how they are made printable.

The types stand in the structs that msgspec decodes, so it refuses what does not fit. A sender
passes its text through `text`, so that it is never refused."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

MAX_TEXT: Final = 4096
MAX_WORD: Final = 512
"""Characters: the longest is a name of 95 bytes, each shown as four characters."""
MAX_INT: Final = (1 << 63) - 1
MAX_QUOTED: Final = 60
"""Characters of a file that a message quotes."""

_PREFIX: Final = re.compile("^(nt_status_|status_|smb2_)")
"""What people omit, or write as Samba does: WRITE for SMB2_WRITE, NT_STATUS_ACCESS_DENIED."""

# No control characters, nor those that reorder or hide their neighbours on a terminal. Python's
# `$` also matches before a last line feed.
_SHOWN: Final = r"^[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*(?!\n)$"

Text: TypeAlias = Annotated[str, Meta(max_length=MAX_TEXT, pattern=_SHOWN)]
"""One line for a person."""
Word: TypeAlias = Annotated[str, Meta(max_length=MAX_WORD, pattern=_SHOWN)]
"""The name of a task, a share or a server."""
Identifier: TypeAlias = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*(?!\n)$", max_length=64)
]
"""The key or the type of an anomaly, the name of an action."""
Natural: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INT)]
Positive: TypeAlias = Annotated[int, Meta(gt=0, le=MAX_INT)]
Unsigned: TypeAlias = Annotated[int, Meta(ge=0)]
"""A field of a record; that it has at most 64 bits, no type can say: see `check_unsigned`."""


def text(raw: str) -> str:
    """Any text as a `Text`: one printable line, cut if it is too long."""
    return one_line(raw)[:MAX_TEXT]


def check_unsigned(*numbers: int) -> None:
    """Refuse numbers of more than 64 bits; for `__post_init__`. Raises ValueError: one is larger;
    msgspec turns it into a ValidationError."""
    if max(numbers) >> 64:
        raise ValueError("a number of more than 64 bits")


def printable(text: bytes) -> str:
    """The text with `?` for what is not printable, so that it cannot begin a line in a log."""
    return shown(text.decode(errors="replace"))


def one_line(text: str) -> str:
    """The text as one line, with `?` for what else is not printable."""
    return shown(" ".join(text.split()))


def shown(text: str) -> str:
    """The line with `?` for what is not printable."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def quoted(text: str) -> str:
    """Text of a file as a message may quote it: one short line."""
    bare = text.isprintable() and text.strip() == text != ""
    return short(text if bare else repr(text))


def short(text: str) -> str:
    """The text, cut to what a message may quote."""
    return text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 3] + "..."


def suggestion(word: str, options: Iterable[str]) -> str:
    """`did you mean SMB2_WRITE? `, or an empty text. Names are compared without their prefixes,
    which say nothing and take most of the time among 1,900 names."""
    stems: dict[str, str] = {}
    for option in options:
        stems.setdefault(_stem(option), option)
    stem = _stem(word)[:MAX_QUOTED]
    exact = [each for each in (stem, f"e{word.casefold()}") if each in stems]
    near = exact or get_close_matches(stem, stems, cutoff=0.7)
    if stem != word.casefold():  # with the prefix STATUS_, a status is meant
        near.sort(key=lambda each: stems[each].casefold() == each)
    return f"did you mean {stems[near[0]]}? " if near else ""


def _stem(name: str) -> str:
    return _PREFIX.sub("", name.casefold())


def utc(epoch_ns: int, *, millis: bool = False) -> str:
    """A time (ns since the epoch) for people: `2026-11-22 12:34:27 UTC`, or `...27.123 UTC`."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=epoch_ns // 1000)
    fraction = f".{epoch_ns // 10**6 % 1000:03d}" if millis else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} UTC"


def utc_now() -> str:
    """Now, in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
