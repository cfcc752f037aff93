"""Search in both tables of codes: by part of a name, or by number."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from aod.smb import errors, ntstatus


class ErrnoCode(Struct, frozen=True):
    """What a program gets."""

    number: int
    name: str
    text: str
    statuses: int
    """How many statuses the client maps to it."""


class Codes(Struct, frozen=True):
    """Rows of both tables, each sorted by number."""

    ntstatus: tuple[ntstatus.Status, ...]
    errno: tuple[ErrnoCode, ...]


def codes(words: Sequence[str] = ()) -> Codes:
    """The codes that match one of the words; without words, all of them."""
    table = tuple(ntstatus.statuses())
    mapped = Counter(each.errno for each in {each.number: each for each in table}.values())
    numbers = sorted(
        (number, name != errors.NAMES[number], name) for name, number in errors.NUMBERS.items()
    )
    return Codes(
        ntstatus=tuple(each for each in table if _wanted(words, each.name, each.number)),
        errno=tuple(
            ErrnoCode(number, name, errors.errno_text(number), mapped[errors.NAMES[number]])
            for number, _, name in numbers  # of two names for one, that of `errors.NAMES` first
            if _wanted(words, name, number)
        ),
    )


def _wanted(words: Sequence[str], name: str, number: int) -> bool:
    return not words or any(_matches(word, name, number) for word in words)


def _matches(word: str, name: str, number: int) -> bool:
    try:
        value = int(word, 0)
    except ValueError:
        return word.casefold().removeprefix("nt_") in name.casefold()  # Samba: NT_STATUS_...
    # Programs write -13 for errno 13, and some -1073741790 for status 0xC0000022.
    return value in {number, -number, number - 2**32}
