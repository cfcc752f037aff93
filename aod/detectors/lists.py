"""The lists of an anomaly: names that exist, each once, none both tracked and excluded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aod.detectors.api import Finding
from aod.smb import errors, ntstatus
from aod.smb.commands import Command
from aod.text import quoted, suggestion

MOST_HINTS: Final = 100
"""In one list: each takes milliseconds to look for, and a file may hold thousands of names."""


def _same(name: str) -> str:
    return name


@dataclass(frozen=True)
class Vocabulary:
    """The names that a list may hold."""

    noun: str
    known: tuple[str, ...]
    allowed: str
    identity: Callable[[str], str] = _same
    """The one name of what has several."""


def _code_identity(name: str) -> str:
    """EWOULDBLOCK is EAGAIN, STATUS_REPARSE_NOT_HANDLED is STATUS_IO_REPARSE_TAG_NOT_HANDLED."""
    if name in errors.NUMBERS:
        return errors.errno_name(errors.NUMBERS[name])
    return ntstatus.NAMES[ntstatus.NUMBERS[name]] if name in ntstatus.NUMBERS else name


COMMANDS: Final = Vocabulary("command", tuple(Command.__members__), ", ".join(Command.__members__))
CODES: Final = Vocabulary(
    "code",
    (*errors.NUMBERS, *(name for name, number in ntstatus.NUMBERS.items() if number)),
    "an errno such as EACCES, EIO, ETIMEDOUT, or an NTSTATUS such as STATUS_ACCESS_DENIED; "
    "`aod codes` lists them",
    _code_identity,
)


def list_faults(words: Vocabulary, key: str, names: Sequence[str]) -> Iterator[Finding]:
    """Unknown and repeated names."""
    known = frozenset(words.known)
    unknown = [(index, name) for index, name in enumerate(names) if name not in known]
    for count, (index, name) in enumerate(unknown):
        hint = suggestion(name, words.known) if count < MOST_HINTS else ""
        text = f"is {quoted(name)}, an unknown {words.noun}; {hint}allowed: {words.allowed}"
        yield Finding((key, index), text)
    yield from repeated(key, names, words.identity)


def repeated(
    key: str, names: Sequence[str], identity: Callable[[str], str] = _same
) -> Iterator[Finding]:
    """Names that a list has more than once, under whatever alias."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        earlier = first.setdefault(identity(name), index)
        if earlier != index:
            text = f"is {quoted(name)}, a duplicate of {key}[{earlier}]; allowed: once"
            yield Finding((key, index), text)


def both_faults(
    words: Vocabulary,
    tracks: str,
    tracked: Sequence[str],
    excludes: str,
    excluded: Sequence[str],
) -> Iterator[Finding]:
    """Faults of the two lists, and names that stand in both."""
    yield from list_faults(words, tracks, tracked)
    yield from list_faults(words, excludes, excluded)
    chosen = {words.identity(name) for name in tracked}
    for index, name in enumerate(excluded):
        if words.identity(name) in chosen:
            text = f"is {quoted(name)}, which is also in {tracks}; allowed: in one of the two"
            yield Finding((excludes, index), text)
