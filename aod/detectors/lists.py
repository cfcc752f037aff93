"""The lists of an anomaly: names that exist, each once, none both tracked and excluded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aod.detectors.api import Finding
from aod.settings import Mode
from aod.smb import errors, ntstatus
from aod.smb.commands import Command
from aod.text import quoted, suggestion

MOST_HINTS: Final = 100
"""In one list: each takes milliseconds to find, and a file may hold thousands of names."""


@dataclass(frozen=True)
class Vocabulary:
    """The names that a list may hold."""

    noun: str
    known: tuple[str, ...]
    allowed: str
    identity: Callable[[str], str] = str
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
    key: str, names: Sequence[str], identity: Callable[[str], str] = str
) -> Iterator[Finding]:
    """Names that a list has more than once, under whatever alias."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        earlier = first.setdefault(identity(name), index)
        if earlier != index:
            text = f"is {quoted(name)}, a duplicate of {key}[{earlier}]; allowed: once"
            yield Finding((key, index), text)


def selection_faults(
    words: Vocabulary,
    mode: Mode,
    tracked: tuple[str, Sequence[str]],
    excluded: tuple[str, Sequence[str]],
) -> Iterator[Finding]:
    """Faults of the two lists, each a key and its names, and of a `mode` that selects nothing."""
    yield from list_faults(words, *tracked)
    yield from list_faults(words, *excluded)
    chosen = {words.identity(name) for name in tracked[1]}
    for index, name in enumerate(excluded[1]):
        if words.identity(name) in chosen:
            text = f"is {quoted(name)}, which is also in {tracked[0]}; allowed: in one of the two"
            yield Finding((excluded[0], index), text)
    if mode is Mode.TRACKONLY and not tracked[1]:
        text = f"is trackonly and watches nothing; allowed: with entries in {tracked[0]}"
        yield Finding(("mode",), text)


def selection_doubts(mode: Mode, key: str, excluded: Sequence[str]) -> Iterator[Finding]:
    """Exclusions that the mode makes void."""
    if excluded and mode is not Mode.EXCLUDEONLY:
        text = f"has no effect in mode {mode}, only in mode {Mode.EXCLUDEONLY}"
        yield Finding((key,), text)
