"""What the forms of names consist of. All patterns are for text in lower case."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from aod.bundles.redact.kinds import Kind
from aod.bundles.redact.spellings import SEPARATOR, letters


class Name(NamedTuple):
    """One name, or a place that holds several, by its offset."""

    start: int
    end: int
    kind: Kind
    text: bytes


class Context(NamedTuple):
    """A form, and of what kind its groups are."""

    hint: bytes
    """Without this in a text there is nothing to find: it costs almost nothing to look for."""
    pattern: re.Pattern[bytes]
    kinds: tuple[Kind, ...]
    files: frozenset[str] = frozenset()
    """Only in these; empty: in all."""


HOST: Final = rb"(\[[0-9a-f:.]+(?:%[a-z0-9_.-]+)?\]|[a-z0-9_\x80-\xff][a-z0-9_.\x80-\xff-]*)"
USER: Final = rb"[\"']?([a-z0-9_\x80-\xff][a-z0-9_.@\\$+\x80-\xff-]*)"
VALUE: Final = rb"(?:\\*\"([^\"\n]{1,256}?)\\*\"|[\"'\[\\]*([^,\s\"';)\]]+))"
"""In quotes to their end. Two groups: its contexts name their kind twice."""
DOMAIN: Final = rb"([a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_-]+)*)"


def unc(but: bytes) -> bytes:
    """Host, share and path behind the first slashes; `but` are the characters that end it."""
    return HOST + rb"(?:%(sep)b(%(part)b)((?:%(sep)b%(part)b)*))" % {
        b"sep": SEPARATOR,
        b"part": letters(but),
    }


UNC: Final = unc(rb"\s:*?\"'<>|,;()\[\]{}")
"""Within a text: to the next blank."""
LONG_UNC: Final = unc(rb"\n*?\"<>|")
"""Where nothing follows: to the end of the line, or a character that no share and no file has."""
OF_UNC: Final = (Kind.HOSTS, Kind.SHARES, Kind.FILES)


def lines(hint: bytes, form: bytes, *kinds: Kind, files: Sequence[str] = ()) -> Context:
    """A form in which `^` and `$` are a line's."""
    return Context(hint, re.compile(form, re.MULTILINE), kinds, frozenset(files))


def after(hint: bytes, rest: bytes, *kinds: Kind, files: Sequence[str] = ()) -> Context:
    """What follows these words."""
    return lines(hint, re.escape(hint) + rest, *kinds, files=files)


def each(hints: Sequence[bytes], rest: bytes, *kinds: Kind) -> Iterator[Context]:
    """What follows any of these."""
    return (after(hint, rest, *kinds) for hint in hints)


def either(*forms: bytes) -> bytes:
    """One of these forms; their groups are numbered through."""
    return rb"(?:" + b"|".join(forms) + rb")"


def values(hints: Sequence[bytes], kind: Kind) -> Iterator[Context]:
    """One value behind any of these."""
    return each(hints, VALUE, kind, kind)
