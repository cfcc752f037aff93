"""Where names stand: places in logs whose form shows what a word is."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Final

from aod.actions.mounts import HOST_ROOT
from aod.bundles.redact import of_client, of_programs
from aod.bundles.redact.forms import Context, Name
from aod.bundles.redact.kinds import Kind, ip_address
from aod.bundles.redact.spellings import SEPARATOR, any_of, of_units, plain, spellings

FIXED: Final = (*of_client.PLACES, *of_programs.PLACES)


def find(text: bytes, contexts: Sequence[Context], file: str = "") -> Iterator[Name]:
    """The places of a text (lower case) that hold names; they may overlap."""
    for context in contexts:
        if context.hint in text and (not context.files or file in context.files):
            for match in context.pattern.finditer(text):
                for group, kind in enumerate(context.kinds, 1):
                    if held := match[group]:
                        yield Name(*match.span(group), kind, held)


def longest(places: Iterable[Name]) -> Iterator[Name]:
    """Of places that begin together those that reach farthest: the others end within a name."""
    ends: dict[int, int] = {}
    held = list(places)
    for place in held:
        ends[place.start] = max(place.end, ends.get(place.start, 0))
    return (place for place in held if place.end == ends[place.start])


_SLASHES: Final = re.compile(SEPARATOR)
_ACCOUNT: Final = re.compile(rb"(?:\]\\+\[|(?>\\+)(?:134|100|x5c|u005c|u0040)?|@|%5c|%40|;)+")
_AT: Final = re.compile(rb"(?:\\*@|\\+100|\\+u0040|%40)\Z")
_SERVICES: Final = frozenset((b"cifs", b"host", b"http", b"ldap", b"nfs", b"dns", b"gc", b"krbtgt"))
_MACHINE: Final = b"$"
"""Behind the name of a host: its account in the domain."""


@lru_cache(maxsize=1 << 12)
def split(kind: Kind, text: bytes) -> tuple[Name, ...]:
    """What a place holds: one name, or those that a path or an account consists of."""
    if kind is Kind.USERS:
        parts = _account(text)
    elif kind is Kind.FILES:
        parts = ((kind, start, end) for start, end in _between(_SLASHES, text))
    else:
        parts = iter(((kind, 0, len(text)),))
    return tuple(
        name for its_kind, start, end in parts for name in _name(its_kind, text, start, end)
    )


def _name(kind: Kind, text: bytes, start: int, end: int) -> Iterator[Name]:
    held = text[start:end]
    name = held.strip(b" \t\r").rstrip(b".") or held
    start += held.find(name)
    if kind is not Kind.HOSTS or ip_address(name) is None:  # an address is no name
        yield Name(start, start + len(name), kind, plain(name))


def _between(separator: re.Pattern[bytes], text: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    for match in separator.finditer(text):
        if match.start() > start:
            yield start, match.start()
        start = match.end()
    if start < len(text):
        yield start, len(text)


def _account(text: bytes) -> Iterator[tuple[Kind, int, int]]:
    r"""The parts of `domain\user`, `user@domain`, `service/host@domain`, `host$`, and of what is
    given to mount: `domain/user%password`."""
    text = text.removesuffix(b"%***")
    parts = list(_between(_ACCOUNT, text))
    for number, (start, end) in enumerate(parts):
        behind = text[end : parts[number + 1][0]] if number + 1 < len(parts) else b"@"
        service, slash, _ = text[start:end].partition(b"/")
        if (number and _AT.search(text[:start])) or not _AT.search(behind):
            yield Kind.DOMAINS, start, end
        elif slash and service in _SERVICES:
            kind = Kind.DOMAINS if service == b"krbtgt" else Kind.HOSTS
            yield kind, start + len(service) + 1, end
        elif slash and len(parts) == 1:
            yield Kind.DOMAINS, start, start + len(service)
            yield Kind.USERS, start + len(service) + 1, end
        elif text[start:end].endswith(_MACHINE):
            yield Kind.HOSTS, start, end - 1
        else:
            yield Kind.USERS, start, start + len(service)


def below(mount_points: Collection[bytes]) -> Iterator[Context]:
    """Of paths at and below these folders (without their first slash), also as smbinfo takes them
    by the host's root, and of their units."""
    names = {spelled for point in mount_points for spelled in spellings(point)}
    path = (
        rb"(%b)(?![a-z0-9_.-])"
        rb"((?:/+(?:[^\s/\"'<>|;:,()\\]|\\[0-3][0-7]{2})+)*)" % any_of(names)
    )
    kinds = (Kind.MOUNTS, Kind.FILES)
    yield Context(commonprefix(names), re.compile(rb"/(?<![a-z0-9_./-]/)" + path), kinds)
    root = HOST_ROOT.encode() + b"/"
    yield Context(root + commonprefix(names), re.compile(re.escape(root) + path), kinds)
    units = {unit for point in mount_points for unit in of_units(point)}
    unit = (
        rb"(?<![a-z0-9_.:\\-])(%b)(?:-((?:[a-z0-9:_-]|\\+x[0-9a-f]{2})+))?"
        rb"(?=\.(?:mount|automount|service|path|timer|target|slice|scope)(?![a-z0-9]))"
    ) % any_of(units)
    yield Context(commonprefix(units), re.compile(unit), kinds)


def commonprefix(names: Collection[bytes]) -> bytes:
    """How all of these begin."""
    first, last = min(names, default=b""), max(names, default=b"")
    same = takewhile(lambda two: two[0] == two[1], zip(first, last, strict=False))
    return bytes(one for one, _ in same)
