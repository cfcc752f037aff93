r"""Accounts and hosts wherever they stand, where their domain is known.

Of all that looks like one (`word\word`, `word@word`) the first pass remembers the domain and the
account; when all domains are known, it is decided which were accounts."""

import re
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from aod.bundles.redact.forms import Name
from aod.bundles.redact.kinds import Kind
from aod.bundles.redact.spellings import any_of

_USER: Final = rb"[a-z0-9_\x80-\xff][a-z0-9_.$+\x80-\xff-]*+"
_BACKSLASH: Final = re.compile(
    rb"(?<![a-z0-9_.\\/:@%%~\x80-\xff-])([a-z0-9][a-z0-9_.-]*+)"
    rb"(?:(?>\\{1,8})(?:134|x5c|u005c)?|%%5c)(%b)(?![\\/])" % _USER
)
_AT: Final = re.compile(
    rb"(?<![a-z0-9_.$+/\\\x80-\xff-])((?:[a-z]+/)?%b)(?:\\?@|%%40)([a-z0-9][a-z0-9.-]*[a-z0-9])"
    % _USER
)
_PRINCIPAL: Final = re.compile(rb"(?:cifs|host|http|ldap|nfs|dns|gc|krbtgt)/")
_HEAD: Final = re.compile(rb"[a-z0-9][a-z0-9.-]*")
"""Of a host's name, read backwards from its domain."""
_LONGEST_NAME: Final = 255


class Account(NamedTuple):
    """What may be an account of a domain."""

    start: int
    end: int
    text: bytes
    domain: bytes

    def is_principal(self) -> bool:
        """Whether it is Kerberos's name of a service, whatever its realm."""
        return _PRINCIPAL.match(self.text) is not None


def accounts(text: bytes) -> Iterator[Account]:
    """What may be accounts in a text (lower case)."""
    if b"\\" in text or b"%5c" in text:
        for match in _BACKSLASH.finditer(text):
            yield Account(*match.span(), match[0], match[1])
    if b"@" in text or b"%40" in text:
        for match in _AT.finditer(text):
            yield Account(*match.span(), match[0], match[2])


def _above(names: Collection[bytes]) -> Iterator[bytes]:
    """The domains that these lie in, but for those of one label."""
    for name in names:
        _, _, above = name.partition(b".")
        if b"." in above:
            yield above


class Domains:
    """The domains that are known.

    Args:
        names: of domains, with the hosts that may stand for one in `user@host`."""

    def __init__(self, names: Collection[bytes], hosts: Collection[bytes] = ()) -> None:
        self._known = frozenset((*names, *hosts, *_above(names)))
        self._labels = frozenset(name.partition(b".")[0] for name in names if b"." in name)
        self._tail = re.compile(rb"\.%b(?![a-z0-9-])" % any_of(names))

    def has(self, domain: bytes) -> bool:
        """Whether it is one of them, one below, or one above: accounts often have its name."""
        parts = domain.split(b".")
        return any(b".".join(parts[at:]) in self._known for at in range(len(parts)))

    def is_netbios_name(self, domain: bytes) -> bool:
        r"""Whether `CORP` is `corp.example`, in front of an account."""
        return domain in self._labels

    def find(self, text: bytes) -> Iterator[Name]:
        """The hosts and accounts of these domains in a text (lower case)."""
        for match in self._tail.finditer(text):
            before = text[max(0, match.start() - _LONGEST_NAME) : match.start()][::-1]
            if head := _HEAD.match(before):
                start = match.start() - head.end()
                yield Name(start, match.end(), Kind.HOSTS, text[start : match.end()])
        for account in accounts(text):
            if self.has(account.domain) or account.is_principal():
                yield Name(account.start, account.end, Kind.USERS, account.text)
