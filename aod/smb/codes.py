"""Both tables of codes as people ask for them: by a part of a name, or by a number."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from aod.smb import errors, ntstatus

_SAMBA: Final = "nt_"
"""Samba writes NT_STATUS_ACCESS_DENIED."""


class StatusCode(Struct, frozen=True):
    """What a server answers."""

    number: int
    name: str
    errno: str
    """What the client makes of it; empty for success."""
    mapped: bool
    """Whether the client's table has it; if not, the errno is the client's EIO for all others."""
    left_out: tuple[str, ...]
    """The commands in whose answers it is no failure, so no error rule counts it unless told."""


class ErrnoCode(Struct, frozen=True):
    """What a program is told."""

    number: int
    name: str
    text: str
    statuses: int
    """How many statuses the client turns into it."""


class Codes(Struct, frozen=True):
    """Both tables, or what is left of them; each sorted by number."""

    ntstatus: tuple[StatusCode, ...]
    errno: tuple[ErrnoCode, ...]


def codes(words: Sequence[str] = ()) -> Codes:
    """The codes that match one of the words; without words, all of them."""
    table = tuple(ntstatus.statuses())
    mapped = Counter(each.errno for each in {each.number: each for each in table}.values())
    return Codes(
        ntstatus=tuple(_status(each) for each in table if _wanted(words, each.name, each.number)),
        errno=tuple(
            ErrnoCode(number, name, errors.errno_text(number), mapped[errors.NAMES[number]])
            for name, number in sorted(errors.NUMBERS.items(), key=_first_names_first)
            if _wanted(words, name, number)
        ),
    )


def _first_names_first(item: tuple[str, int]) -> tuple[int, bool]:
    name, number = item
    return number, name != errors.NAMES[number]


def _status(status: ntstatus.Status) -> StatusCode:
    left_out = sorted(ntstatus.BENIGN.get(status.number, ()))
    return StatusCode(
        status.number,
        status.name,
        status.errno,
        status.mapped,
        tuple(command.name for command in left_out),
    )


def _wanted(words: Sequence[str], name: str, number: int) -> bool:
    return not words or any(_matches(word, name, number) for word in words)


def _matches(word: str, name: str, number: int) -> bool:
    try:
        value = int(word, 0)
    except ValueError:
        return word.casefold().removeprefix(_SAMBA) in name.casefold()
    # Programs write -13 for errno 13, and some -1073741790 for status 0xC0000022.
    return value in {number, -number, number - 2**32}
