"""The first pass over a bundle: which names there are, of what kind, and which are aliases."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from aod.bundles.redact import contexts, hexed, of_client
from aod.bundles.redact.domains import Domains, accounts
from aod.bundles.redact.kinds import (
    OUR_NETS,
    OUR_SIDS,
    PSEUDONYM,
    Kind,
    Pseudonyms,
    ip_address,
    is_kept,
)
from aod.bundles.redact.letters import composed, lowered
from aod.bundles.redact.spellings import of_units
from aod.bundles.redact.text import Redactor, strong

_PUBLIC: Final = (b".windows.net", b".amazonaws.com", b".googleapis.com", b".azure.com")
"""Of public clouds: a domain that ends so identifies nobody."""
_PS_COLUMNS: Final = 8
"""ps and top cut a longer user name to one less, and a plus."""
_NETBIOS_LETTERS: Final = 15
_OF_SAMBA: Final = {
    b"default_realm": Kind.DOMAINS,
    b"realm": Kind.DOMAINS,
    b"workgroup": Kind.DOMAINS,
    b"netbios name": Kind.HOSTS,
}
_MAX_ACCOUNTS: Final = 1 << 16
"""Paths of Windows look like accounts."""
_FIRST_UID: Final = 1000
_NOBODY: Final = 65534


class Gathering:
    """Collects names from text, and makes the redactor that replaces them."""

    def __init__(self) -> None:
        self._names: dict[Kind, dict[bytes, None]] = {kind: {} for kind in Kind}
        self._taken: set[bytes] = set()
        self._accounts: dict[tuple[bytes, bytes], bool] = {}
        """What may be accounts, by domain; whether they are in any case."""
        self._open_files = of_client.open_files(None)

    def add(self, kind: Kind, name: bytes) -> None:
        """A name that is known from elsewhere."""
        name = composed(name)
        if kind is Kind.MOUNTS:
            name = name.strip(b"/")
        is_address = kind is Kind.HOSTS and ip_address(name) is not None
        if not is_kept(kind, name) and not is_address:
            self._names[kind].setdefault(name)

    def look_at(self, text: bytes, file: str = "") -> None:
        """Learn the names in a text from their places."""
        small = lowered(text)
        self._look_at(small, file)
        for value in hexed.held(small):
            self._look_at(lowered(hexed.as_lines(value)), file)
        self._taken.update(match[0] for match in PSEUDONYM.finditer(small))
        self._taken.update(match[0] for match in OUR_SIDS.finditer(small))
        addresses = map(ip_address, OUR_NETS.findall(small))
        self._taken.update(one.compressed.encode() for one in addresses if one is not None)

    def _look_at(self, text: bytes, file: str) -> None:
        if heading := of_client.OPEN_FILES_HEADING.search(text):
            self._open_files = of_client.open_files(heading[1].count(b"<"))
        found = contexts.find(text, (*contexts.FIXED, self._open_files), file)
        places = contexts.longest(found)
        for kind, held in dict.fromkeys((one.kind, one.text) for one in places):
            for name in contexts.split(kind, held):
                self.add(name.kind, name.text)
        for account in accounts(text):
            if len(self._accounts) < _MAX_ACCOUNTS:
                self._accounts.setdefault((account.domain, account.text), account.is_principal())

    def redactor(self) -> Redactor:
        """For all that was gathered."""
        self._add_domains()
        self._add_accounts()
        aliases = dict(self._aliases())
        kinds: dict[bytes, Kind] = {}
        for kind, names in self._names.items():
            for name in names:
                kinds.setdefault(name, kind)
        words = strong(kinds | {alias: kinds[name] for alias, name in aliases.items()})
        of_mounts = contexts.below(self._names[Kind.MOUNTS])
        places = [*of_mounts, *contexts.FIXED, self._open_files]
        return Redactor(Pseudonyms(self._taken, kinds, aliases), places, self._domains(), words)

    def _domains(self) -> Domains:
        return Domains(self._names[Kind.DOMAINS], self._names[Kind.HOSTS])

    def _add_domains(self) -> None:
        for name in tuple(self._names[Kind.HOSTS]):
            _, _, domain = name.partition(b".")
            if b"." in domain and not name.endswith(_PUBLIC):
                self.add(Kind.DOMAINS, domain)

    def _add_accounts(self) -> None:
        """Of what looks like an account, those whose domain is known by now."""
        domains = self._domains()
        for (domain, text), in_any_case in self._accounts.items():
            if in_any_case or domains.has(domain) or domains.is_netbios_name(domain):
                for name in contexts.split(Kind.USERS, text):
                    if name.text not in self._names[Kind.HOSTS]:  # user@host
                        self.add(name.kind, name.text)

    def _aliases(self) -> Iterator[tuple[bytes, bytes]]:
        """`srv` of `srv.example.com`, its NetBIOS name, what ps makes of a long user name, and
        the units of a mount point."""
        for name in reversed(self._names[Kind.HOSTS]):
            short, dot, _ = name.partition(b".")
            if dot and short and not is_kept(Kind.HOSTS, short):
                yield short, name
            if len(short) > _NETBIOS_LETTERS:
                yield short[:_NETBIOS_LETTERS], name
        for user in self._names[Kind.USERS]:
            if len(user) > _PS_COLUMNS:
                yield user[: _PS_COLUMNS - 1] + b"+", user
        for point in self._names[Kind.MOUNTS]:
            yield from ((unit, point) for unit in of_units(point))


def known_here(root: Path = Path("/")) -> Iterator[tuple[Kind, bytes]]:
    """What /etc says, and the kernel; a file that cannot be read is passed over.

    No name service is asked: it may be the server that hangs."""
    yield Kind.HOSTS, socket.gethostname().encode(errors="replace")
    for line in _lines(root / "etc/hosts"):
        yield from ((Kind.HOSTS, name) for name in line.partition(b"#")[0].split()[1:])
    for line in _lines(root / "etc/resolv.conf"):
        key, *domains = line.split() or [b""]
        if key in (b"search", b"domain"):
            yield from ((Kind.DOMAINS, domain.rstrip(b".")) for domain in domains if b"." in domain)
    for line in _lines(root / "etc/passwd"):
        fields = line.split(b":")
        if len(fields) > 5 and fields[2].isdigit() and _FIRST_UID <= int(fields[2]) < _NOBODY:
            yield Kind.USERS, fields[0]
            full_name = fields[4].partition(b",")[0].strip()
            if b" " in full_name:
                yield Kind.USERS, full_name
    yield from _of_samba(root)


def _of_samba(root: Path) -> Iterator[tuple[Kind, bytes]]:
    """The realm and the domain that this host belongs to (krb5.conf(5), smb.conf(5))."""
    for file in ("etc/krb5.conf", "etc/samba/smb.conf"):
        for line in _lines(root / file):
            key, _, value = line.partition(b"=")
            if kind := _OF_SAMBA.get(key.strip().lower()):
                yield kind, value.strip()


def _lines(path: Path) -> list[bytes]:
    with suppress(OSError):
        return path.read_bytes().splitlines()
    return []
