"""The first pass over a bundle: which names there are, of what kind, and which are aliases."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from aod.bundles.redact import contexts
from aod.bundles.redact.kinds import OUR_NETS, PSEUDONYM, Kind, Pseudonyms, ip_address, is_kept
from aod.bundles.redact.text import Redactor, strong

_PUBLIC: Final = (b".windows.net", b".amazonaws.com", b".googleapis.com", b".azure.com")
"""Of public clouds: a domain that ends so identifies nobody."""
_PS_COLUMNS: Final = 8
"""ps and top cut a longer user name to one less, and a plus."""
_FIRST_UID: Final = 1000
_NOBODY: Final = 65534


class Gathering:
    """Collects names from text, and makes the redactor that replaces them."""

    def __init__(self) -> None:
        self._names: dict[Kind, dict[bytes, None]] = {kind: {} for kind in Kind}
        self._taken: set[bytes] = set()

    def add(self, kind: Kind, name: bytes) -> None:
        """A name that is known from elsewhere."""
        lowered = name.lower()
        is_address = kind is Kind.HOSTS and ip_address(lowered) is not None
        if not is_kept(kind, lowered) and not is_address:
            self._names[kind].setdefault(lowered)

    def look_at(self, text: bytes, file: str = "") -> None:
        """Learn the names in a text from their places."""
        lowered = text.lower()
        found = contexts.find(lowered, contexts.FIXED, file)
        for kind, held in dict.fromkeys((one.kind, one.text) for one in found):
            for name in contexts.split(kind, held):
                self.add(name.kind, name.text)
        self._taken.update(match[0] for match in PSEUDONYM.finditer(lowered))
        addresses = map(ip_address, OUR_NETS.findall(lowered))
        self._taken.update(one.compressed.encode() for one in addresses if one is not None)

    def redactor(self) -> Redactor:
        """For all that was gathered."""
        for name in tuple(self._names[Kind.HOSTS]):
            _, _, domain = name.partition(b".")
            if b"." in domain and not name.endswith(_PUBLIC):
                self.add(Kind.DOMAINS, domain)
        aliases = dict(self._aliases())
        kinds: dict[bytes, Kind] = {}
        for kind, names in self._names.items():
            for name in names:
                kinds.setdefault(name, kind)
        words = strong(kinds | {alias: kinds[name] for alias, name in aliases.items()})
        of_mounts = contexts.below(list(self._names[Kind.MOUNTS]))
        of_domains = map(contexts.in_domain, self._names[Kind.DOMAINS])
        places = [*of_mounts, *of_domains, *contexts.FIXED]
        return Redactor(Pseudonyms(self._taken, kinds, aliases), places, words)

    def _aliases(self) -> Iterator[tuple[bytes, bytes]]:
        """`srv` of `srv.example.com`, and what ps makes of a long user name."""
        for name in reversed(self._names[Kind.HOSTS]):
            short, dot, _ = name.partition(b".")
            if dot and short and not is_kept(Kind.HOSTS, short):
                yield short, name
        for user in self._names[Kind.USERS]:
            if len(user) > _PS_COLUMNS:
                yield user[: _PS_COLUMNS - 1] + b"+", user


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


def _lines(path: Path) -> list[bytes]:
    with suppress(OSError):
        return path.read_bytes().splitlines()
    return []
