r"""Where names stand: places in logs whose form shows what a word is.

All patterns are for text in lower case. Each begins with a word that is looked for first, which
costs almost nothing where it does not occur.

Sources of the forms: fs/smb/client/cifs_debug.c (DebugData, open_files), cifsfs.c
(cifs_show_options), trace.h, dfs_cache.c; sshd, sudo, systemd-logind and pam in the journal."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from aod.bundles.redact.kinds import Kind, ip_address
from aod.bundles.redact.spellings import plain, spellings


class Found(NamedTuple):
    """A place of a text that holds a name, or several."""

    start: int
    kind: Kind
    text: bytes


class Name(NamedTuple):
    """One name of a place, by its offset there."""

    start: int
    end: int
    kind: Kind
    text: bytes


class Context(NamedTuple):
    """A form, and of what kind its groups are."""

    hint: bytes
    """Without this in a text there is nothing to find."""
    pattern: re.Pattern[bytes]
    kinds: tuple[Kind, ...]
    files: frozenset[str] = frozenset()
    """Only in these; empty: in all."""


_HOST: Final = rb"(\[[0-9a-f:.%]+\]|[a-z0-9_\x80-\xff][a-z0-9_.\x80-\xff-]*)"
_PART: Final = rb"(?:[^\\/\s:*?\"'<>|,;()\[\]{}]|\\[0-3][0-7]{2})+"
_SEP: Final = rb"[\\/]+"
_UNC: Final = _HOST + rb"(?:" + _SEP + rb"(" + _PART + rb")((?:" + _SEP + _PART + rb")*))"
_USER: Final = rb"[\"']?([a-z0-9_\x80-\xff][a-z0-9_.@\\$+\x80-\xff-]*)"
_VALUE: Final = rb"[\"']?([^,\s\"';)]+)"
_LOGIN: Final = rb"(?:([^\s/@:]+)(?::[^\s/@]*)?@)?"
_UNC_KINDS: Final = (Kind.HOSTS, Kind.SHARES, Kind.FILES)
_SYSLOG: Final = frozenset({"journalctl.log", "syslogs.log"})
_DEBUGDATA: Final = frozenset({"debugdata.log"})


def _lines(hint: bytes, form: bytes, *kinds: Kind, files: frozenset[str] = frozenset()) -> Context:
    return Context(hint, re.compile(form, re.MULTILINE), kinds, files)


def _after(hint: bytes, rest: bytes, *kinds: Kind, files: frozenset[str] = frozenset()) -> Context:
    return _lines(hint, re.escape(hint) + rest, *kinds, files=files)


def _each(hints: Sequence[bytes], rest: bytes, *kinds: Kind) -> Iterator[Context]:
    return (_after(hint, rest, *kinds) for hint in hints)


FIXED: Final = (
    _lines(b" mounts: ", rb"\\\\([^\\\n]+)\\(.+?) mounts: \d", Kind.HOSTS, Kind.SHARES),
    _after(b"\\\\", rb"\\*" + _UNC + rb"?", *_UNC_KINDS),
    _after(b"//", rb"(?:(?<=[\s\"'=(,\[<]//)|(?<=\A//))" + _UNC, *_UNC_KINDS),
    *_each((b"smb://", b"cifs://"), _LOGIN + _UNC + rb"?", Kind.USERS, *_UNC_KINDS),
    _lines(b"path=\\", rb"path=\\([^\\,\s]+)\\([^\\,\s]+)((?:\\[^\\,\s]+)*),type=", *_UNC_KINDS),
    _lines(b"(target hint)", rb"^\s+\\([^\\\s]+)\\([^\\\s]+)((?:\\[^\\\s]+)*)", *_UNC_KINDS),
    _after(b"path=", rb"(\\?[^\n]+)$", Kind.FILES, files=frozenset({"trace.log"})),
    *_each((b"username=", b"user=", b"logname=", b"acct="), _VALUE, Kind.USERS),
    *_each((b"domain=", b"dom=", b"workgroup="), _VALUE, Kind.DOMAINS),
    *_each((b"netbiosname=", b"servern="), _VALUE, Kind.HOSTS),
    *_each((b"server=", b"rhost=", b"addr=", b"ip="), _HOST, Kind.HOSTS),
    _after(b"prefixpath=", _VALUE, Kind.FILES),
    *_each((b"hostname: ", b"servername: "), _HOST, Kind.HOSTS),
    _after(b"domain: ", rb"(\S+)", Kind.DOMAINS, files=_DEBUGDATA),
    _after(b") name: ", _HOST, Kind.HOSTS, files=_DEBUGDATA),
    _after(b"uid=", rb"\d+\(([^)\s]+)\)", Kind.USERS),
    *_each((b" for user ", b" of user ", b" by user ", b"invalid user "), _USER, Kind.USERS),
    _after(b"password for ", rb"(?:invalid user )?" + _USER + rb" from", Kind.USERS),
    _after(b"publickey for ", _USER + rb" from", Kind.USERS),
    _after(b"sudo: ", rb" *" + _USER + rb" : ", Kind.USERS),
    _after(b"/home/", rb"([^\s/\"':;,)\]>]+)", Kind.USERS),
    *(_lines(name, rb"^\S+ (/\S+)" + name, Kind.MOUNTS) for name in (b" cifs ", b" smb3 ")),
    _lines(
        b"0x",
        rb"^0x[0-9a-f]+ 0x[0-9a-f]+ (?:0x[0-9a-f]+ )+\d+ \d+ \d+ (.+?)"
        rb"(?: \d+| 0x[0-9a-f]+| [rwhcn()|]+| none)*$",
        Kind.FILES,
    ),
    _lines(
        b":",
        rb"^(?:\d{4}-\d\d-\d\dt\S+|[a-z]{3} [ \d]\d \d\d:\d\d:\d\d) ([^\s\[\]:]+) ",
        Kind.HOSTS,
        files=_SYSLOG,
    ),
)


def below(mount_points: Sequence[bytes]) -> list[Context]:
    """Of paths at and below these folders."""
    return [
        Context(spelled, _path(spelled), (Kind.MOUNTS, Kind.FILES))
        for point in sorted(mount_points, key=len, reverse=True)
        if point.strip(b"/")
        for spelled in sorted(spellings(point))
    ]


def _path(point: bytes) -> re.Pattern[bytes]:
    rest = rb"((?:/+(?:[^\s/\"'<>|;:,()\\]|\\[0-3][0-7]{2})+)*)"
    return re.compile(rb"(?<![a-z0-9_./-])(" + re.escape(point) + rb")(?![a-z0-9_.-])" + rest)


def find(text: bytes, contexts: Sequence[Context], file: str = "") -> Iterator[Found]:
    """The places of a text (lower case) that hold names; they may overlap."""
    for context in contexts:
        if context.hint in text and (not context.files or file in context.files):
            kinds = tuple(enumerate(context.kinds, 1))
            for match in context.pattern.finditer(text):
                for group, kind in kinds:
                    if held := match[group]:
                        yield Found(match.start(group), kind, held)


_SPLIT: Final = {
    Kind.FILES: re.compile(rb"(?:[^\\/]|\\[0-3][0-7]{2})+"),
    Kind.USERS: re.compile(rb"[^\\@]+"),
}


@lru_cache(maxsize=1 << 12)
def split(kind: Kind, text: bytes) -> tuple[Name, ...]:
    """What a place holds: one name, or those that a path or `domain\\user` consists of."""
    if kind not in _SPLIT:
        return _name(kind, 0, text)
    pieces = list(_SPLIT[kind].finditer(text))
    names: tuple[Name, ...] = ()
    for piece in pieces:
        is_domain = kind is Kind.USERS and len(pieces) > 1 and _is_domain(text, piece)
        names += _name(Kind.DOMAINS if is_domain else kind, piece.start(), piece[0])
    return names


def _is_domain(text: bytes, piece: re.Match[bytes]) -> bool:
    before, behind = text[piece.start() - 1 : piece.start()], text[piece.end() : piece.end() + 1]
    return before == b"@" or behind == b"\\"


def _name(kind: Kind, start: int, text: bytes) -> tuple[Name, ...]:
    text = text.rstrip(b".") or text
    if kind is Kind.HOSTS and ip_address(text) is not None:
        return ()  # an address, whoever asks
    return (Name(start, start + len(text), kind, plain(text)),)


def in_domain(domain: bytes) -> Context:
    """Of the hosts of a domain."""
    form = rb"(?<![a-z0-9.-])((?:[a-z0-9-]+\.)+" + re.escape(domain) + rb")(?![a-z0-9-])"
    return Context(domain, re.compile(form), (Kind.HOSTS,))
