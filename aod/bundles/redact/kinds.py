"""The kinds of names, and what each name becomes: once chosen, the same for the whole bundle."""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from msgspec import Struct, field

from aod.bundles.manifest import Replaced
from aod.bundles.redact.letters import composed


class Kind(StrEnum):
    """What a name is of; where one is of several, the first of these holds."""

    DOMAINS = "domains"
    HOSTS = "hosts"
    USERS = "users"
    SHARES = "shares"
    MOUNTS = "mount points"
    FILES = "files"
    GUIDS = "GUIDs"
    SIDS = "SIDs"
    IPV4 = "IPv4 addresses"
    IPV6 = "IPv6 addresses"
    MAC = "MAC addresses"


_WORD: Final = {
    Kind.HOSTS: "host",
    Kind.DOMAINS: "domain",
    Kind.USERS: "user",
    Kind.SHARES: "share",
    Kind.MOUNTS: "mount",
    Kind.FILES: "file",
    Kind.GUIDS: "guid",
}
PSEUDONYM_FORM: Final = rb"(?:host|domain|user|share|mount|file|guid)-[0-9]+"
PSEUDONYM: Final = re.compile(rb"(?<![a-z0-9])" + PSEUDONYM_FORM + rb"(?![a-z0-9])")
_NET4: Final = ipaddress.ip_network("198.18.0.0/15")
_NET6: Final = ipaddress.ip_network("2001:db8::/32")
OUR_NETS: Final = re.compile(rb"198\.1[89]\.\d+\.\d+|2001:db8:[0-9a-f:]+")
"""Forms that all of their addresses have."""
SID: Final = rb"s-1-(?:5-21(?:-\d+){3}(?![0-9])|12-1(?:-\d+){3}(?=-\d))(?:-\d+)?"
"""Of a domain, or of an account of it (MS-DTYP 2.4.2); those that every host has are others."""
_OUR_SID: Final = b"s-1-5-21-0-0-"
OUR_SIDS: Final = re.compile(re.escape(_OUR_SID) + rb"\d+(?:-\d+)?")
_FIRST_RID: Final = 1000
"""Smaller ones mean the same in all domains: 500 is the administrator."""
_OWN_MAC: Final = b"\x02\x00\x00\x00"

# What belongs to no one stays, and so does what every host and every server has.
_KEPT: Final = {
    Kind.HOSTS: {b"localhost", b"localhost.localdomain", b"ip6-localhost", b"ip6-loopback"},
    Kind.DOMAINS: {b"localdomain", b"local", b"lan", b"workgroup"},
    Kind.USERS: {b"root", b"nobody", b"guest", b"anonymous", b"daemon", b"none", b"unknown"},
    Kind.SHARES: {b"ipc$", b"admin$", b"print$", b"sysvol", b"netlogon"},
    Kind.FILES: {b".", b".."},
}


class Pseudonyms(Struct):
    """What names become. Upper and lower case make no difference."""

    taken: set[bytes] = set()
    """Pseudonyms, and addresses of the nets they are chosen from, that occur already: they stay,
    and are given to nobody."""
    kinds: dict[bytes, Kind] = {}
    """Of names (lower case), where that is decided."""
    aliases: dict[bytes, bytes] = {}
    """Names (lower case) that are another's."""
    _chosen: dict[bytes, bytes] = {}
    _used: Counter[Kind] = field(default_factory=Counter)
    _names: Counter[Kind] = field(default_factory=Counter)

    def name(self, kind: Kind, name: bytes) -> bytes:
        """What a name becomes; itself, if it is to stay."""
        key = composed(name)
        if is_kept(kind, key):
            return name
        key = self.aliases.get(key, key)
        kind = self.kinds.get(key, kind)
        return self._choice(key, kind, lambda n: f"{_WORD[kind]}-{n}".encode())

    def address(self, address: IPv4Address | IPv6Address) -> bytes:
        """What an IP address becomes; loopback and the like stay."""
        key = address.compressed.encode()
        net, kind = (_NET4, Kind.IPV4) if address.version == 4 else (_NET6, Kind.IPV6)
        is_general = address.is_loopback or address.is_unspecified or address.is_multicast
        if address in net or is_general:
            return key
        return self._choice(key, kind, lambda n: str(net[n]).encode())

    def sid(self, sid: bytes) -> bytes:
        """What a security identifier becomes: one of the same domain, with another account."""
        if sid.startswith(_OUR_SID):
            return sid
        of_domain = 7 if sid.startswith(b"s-1-5-21-") else 8  # S-1-12-1-... have no common part
        parts = sid.split(b"-")
        domain, account = b"-".join(parts[:of_domain]), b"-".join(parts[of_domain:])
        made = self._choice(domain, Kind.SIDS, lambda n: b"S-1-5-21-0-0-%d" % n)
        if not account:
            return made
        if int(account) < _FIRST_RID:
            return made + b"-" + account
        return self._choice(sid, Kind.SIDS, lambda n: b"%b-%d" % (made, _FIRST_RID + n))

    def mac(self, mac: bytes) -> bytes:
        """What six bytes of a MAC address become; a group's address stays."""
        if mac[0] & 1 or not any(mac) or mac.startswith(_OWN_MAC):
            return mac
        return self._choice(mac, Kind.MAC, lambda n: _OWN_MAC + (n & 0xFFFF).to_bytes(2))

    def replaced(self) -> tuple[Replaced, ...]:
        """How many of which kind."""
        return tuple(Replaced(kind, self._names[kind]) for kind in Kind)

    def _choice(self, key: bytes, kind: Kind, made: Callable[[int], bytes]) -> bytes:
        """What was chosen for it, or the next that is not taken."""
        while key not in self._chosen:
            self._used[kind] += 1
            if (pseudonym := made(self._used[kind])).lower() not in self.taken:
                self._names[kind] += 1
                self._chosen[key] = pseudonym
        return self._chosen[key]


def is_kept(kind: Kind, lowered: bytes) -> bool:
    """Whether a name identifies nobody, or is a pseudonym already."""
    if lowered in _KEPT.get(kind, ()) or not lowered:
        return True
    if kind is not Kind.FILES and lowered.isdigit():
        return True
    return PSEUDONYM.fullmatch(lowered) is not None


def ip_address(text: bytes) -> IPv4Address | IPv6Address | None:
    """The address that a text is, if it is one."""
    try:
        return ipaddress.ip_address(text.strip(b"[]").decode(errors="replace"))
    except ValueError:
        return None
