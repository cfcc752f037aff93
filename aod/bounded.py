"""Types of what comes from another process: nothing without a limit, no text that plays tricks.

They stand in the structs that are decoded; msgspec refuses what does not fit. Whoever makes such a
text passes it through `text`, so that what we send is never refused.
"""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from aod.printable import one_line

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
