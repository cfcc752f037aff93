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


class Name(NamedTuple):
    """One name, or a place that holds several, by its offset."""

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
        files=frozenset({"journalctl.log", "syslogs.log"}),
    ),
)


def below(mount_points: Sequence[bytes]) -> list[Context]:
    """Of paths at and below these folders."""
    form = rb"(?<![a-z0-9_./-])(%b)(?![a-z0-9_.-])((?:/+(?:[^\s/\"'<>|;:,()\\]|\\[0-3][0-7]{2})+)*)"
    return [
        Context(spelled, re.compile(form % re.escape(spelled)), (Kind.MOUNTS, Kind.FILES))
        for point in sorted(mount_points, key=len, reverse=True)
        if point.strip(b"/")
        for spelled in sorted(spellings(point))
    ]


def find(text: bytes, contexts: Sequence[Context], file: str = "") -> Iterator[Name]:
    """The places of a text (lower case) that hold names; they may overlap."""
    for context in contexts:
        if context.hint in text and (not context.files or file in context.files):
            for match in context.pattern.finditer(text):
                for group, kind in enumerate(context.kinds, 1):
                    if held := match[group]:
                        yield Name(*match.span(group), kind, held)


_WHOLE: Final = re.compile(rb".+", re.DOTALL)
_SPLIT: Final = {
    Kind.FILES: re.compile(rb"(?:[^\\/]|\\[0-3][0-7]{2})+"),
    Kind.USERS: re.compile(rb"[^\\@]+"),
}


@lru_cache(maxsize=1 << 12)
def split(kind: Kind, text: bytes) -> tuple[Name, ...]:
    """What a place holds: one name, or those that a path or `domain\\user` consists of."""
    pieces = list(_SPLIT.get(kind, _WHOLE).finditer(text))
    names = []
    for piece in pieces:
        (start, end), name = piece.span(), piece[0].rstrip(b".") or piece[0]
        is_domain = text[start - 1 : start] == b"@" or text[end : end + 1] == b"\\"
        if kind is Kind.USERS and len(pieces) > 1 and is_domain:
            names.append(Name(start, start + len(name), Kind.DOMAINS, plain(name)))
        elif kind is not Kind.HOSTS or ip_address(name) is None:  # an address is no name
            names.append(Name(start, start + len(name), kind, plain(name)))
    return tuple(names)


def in_domain(domain: bytes) -> Context:
    """Of the hosts of a domain."""
    form = rb"(?<![a-z0-9.-])((?:[a-z0-9-]+\.)+" + re.escape(domain) + rb")(?![a-z0-9-])"
    return Context(domain, re.compile(form), (Kind.HOSTS,))
