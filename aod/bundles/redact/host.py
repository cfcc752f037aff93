"""Names that this host knows by itself: its own, its users', its neighbours'."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from aod.bundles.redact.kinds import Kind

_FIRST_UID: Final = 1000
_NOBODY: Final = 65534


def names(root: Path = Path("/")) -> Iterator[tuple[Kind, bytes]]:
    """What /etc says, and the kernel; a file that cannot be read is passed over.

    No name service is asked: it may be the server that hangs."""
    yield Kind.HOSTS, socket.gethostname().encode(errors="replace")
    for line in _lines(root / "etc/hosts"):
        for name in line.partition(b"#")[0].split()[1:]:
            yield Kind.HOSTS, name
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
