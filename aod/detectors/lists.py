"""The lists of an anomaly: names that exist, each once, none both tracked and excluded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aod.config_words import quoted, suggestion
from aod.detectors.api import Finding
from aod.smb import errors, ntstatus
from aod.smb.commands import Command


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


def _errno_identity(name: str) -> str:
    """EWOULDBLOCK is EAGAIN."""
    return errors.errno_name(errors.NUMBERS[name]) if name in errors.NUMBERS else name


COMMANDS: Final = Vocabulary("command", tuple(Command.__members__), ", ".join(Command.__members__))
CODES: Final = Vocabulary(
    "code",
    (*errors.NUMBERS, *(ntstatus.NUMBERS.keys() - {"STATUS_SUCCESS"})),
    "an errno such as EACCES, EIO, ETIMEDOUT, or an NTSTATUS such as STATUS_ACCESS_DENIED; "
    "`aod codes` lists them",
    _errno_identity,
)


def list_faults(words: Vocabulary, key: str, names: Sequence[str]) -> Iterator[Finding]:
    """Unknown and repeated names."""
    for index, name in enumerate(names):
        if name not in words.known:
            wrong = f"is {quoted(name)}, an unknown {words.noun}"
            text = f"{wrong}; {suggestion(name, words.known)}allowed: {words.allowed}"
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
            text = f"is {quoted(name)}, which is {key}[{earlier}] already; allowed: once"
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
            text = f"is {quoted(name)}, which is in {tracks}, too; allowed: in one of the two"
            yield Finding((excludes, index), text)
