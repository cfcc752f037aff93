"""The lists of an anomaly: names that exist, each once, none both tracked and excluded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from aod.config import Error, Latency, Mode
from aod.config_explain import Problem
from aod.config_words import dotted, quoted, suggestion
from aod.smb import errors, ntstatus
from aod.smb.commands import Command
from aod.yaml_lines import Document, Where

_COMMANDS: Final = tuple(Command.__members__)
_CODES: Final = (*errors.NUMBERS, *(ntstatus.NUMBERS.keys() - {"STATUS_SUCCESS"}))
_CODES_ALLOWED: Final = (
    "an errno such as EACCES, EIO, ETIMEDOUT, or an NTSTATUS such as STATUS_ACCESS_DENIED"
)


@dataclass(frozen=True)
class Selection:
    """What an anomaly selects by name, whatever kind of name that is."""

    noun: str
    tracks: str
    """The key of the tracked names, ..."""
    tracked: tuple[str, ...]
    excludes: str
    """... and of the excluded ones."""
    excluded: tuple[str, ...]
    known: tuple[str, ...]
    allowed: str


def selection(anomaly: Latency | Error) -> Selection:
    """The tracked and excluded names of an anomaly."""
    if isinstance(anomaly, Latency):
        return Selection(
            noun="command",
            tracks="track_commands",
            tracked=tuple(entry.command for entry in anomaly.track_commands),
            excludes="exclude_commands",
            excluded=anomaly.exclude_commands,
            known=_COMMANDS,
            allowed=", ".join(_COMMANDS),
        )
    return Selection(
        noun="code",
        tracks="track_codes",
        tracked=anomaly.track_codes,
        excludes="exclude_codes",
        excluded=anomaly.exclude_codes,
        known=_CODES,
        allowed=_CODES_ALLOWED,
    )


def list_faults(anomaly: Latency | Error, document: Document, where: Where) -> Iterator[Problem]:
    """Unknown, repeated and contradictory names of the anomaly at `where`."""
    chosen = selection(anomaly)
    for key, names in ((chosen.tracks, chosen.tracked), (chosen.excludes, chosen.excluded)):
        yield from _unknown(chosen, names, document, (*where, key))
        yield from repeated(names, document, (*where, key))
    tracked = {_identity(name) for name in chosen.tracked}
    for index, name in enumerate(chosen.excluded):
        if _identity(name) in tracked:
            both = f"{quoted(name)} is both in {chosen.tracks} and in {chosen.excludes}"
            line = document.line((*where, chosen.excludes, index))
            yield Problem(line, f"{both} of {dotted(where)}; allowed: one of them")
    if anomaly.mode is Mode.TRACKONLY and not chosen.tracked:
        text = f"{dotted(where)} watches nothing: mode trackonly needs entries in {chosen.tracks}"
        yield Problem(document.line((*where, "mode")), text)


def repeated(names: Sequence[str], document: Document, where: Where) -> Iterator[Problem]:
    """Names that a list has more than once, under whatever alias."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        earlier = first.setdefault(_identity(name), index)
        if earlier != index:
            line = document.line((*where, earlier))
            text = f"{quoted(name)} stands a second time in {dotted(where)}; first in line {line}"
            yield Problem(document.line((*where, index)), text)


def _unknown(
    chosen: Selection, names: Sequence[str], document: Document, where: Where
) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name not in chosen.known:
            wrong = f"unknown {chosen.noun} {quoted(name)} in {dotted(where)}"
            text = f"{wrong}; {suggestion(name, chosen.known)}allowed: {chosen.allowed}"
            yield Problem(document.line((*where, index)), text)


def _identity(name: str) -> str:
    """The one name of an errno that has two (EWOULDBLOCK is EAGAIN)."""
    return errors.errno_name(errors.NUMBERS[name]) if name in errors.NUMBERS else name
