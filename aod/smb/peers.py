"""Who is at the other end: the share of a tree, the host of a connection, as the client named them.

`collect` writes what the kernel told into a file of the runtime folder; whoever puts a record into
words reads it there. A name that is not known is an empty text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from aod.files import read_regular, replace
from aod.text import MAX_WORD, Unsigned, printable

FILE: Final = "names.json"
MAX_BYTES: Final = 4 << 20


@dataclass(frozen=True)
class Names:
    """What is known of sessions, trees and connections by their numbers."""

    shares: Mapping[tuple[int, int], str] = field(default_factory=dict)
    """(session id, tree id) -> UNC."""
    servers: Mapping[int, str] = field(default_factory=dict)
    """Connection id -> host name."""

    def share(self, session_id: int, tree_id: int) -> str:
        r"""`\\host\share`; empty when it is not known."""
        return self.shares.get((session_id, tree_id), "")

    def server(self, connection_id: int) -> str:
        """The host's name, as the mount gave it; empty when it is not known."""
        return self.servers.get(connection_id, "")


_Name: TypeAlias = Annotated[str, Meta(max_length=MAX_WORD)]


class _Content(Struct, frozen=True, forbid_unknown_fields=True):
    """JSON has no keys of two numbers."""

    shares: list[tuple[Unsigned, Unsigned, _Name]]
    servers: list[tuple[Unsigned, _Name]]


def encode(names: Names) -> bytes:
    """As JSON."""
    shares = [(session, tree, name) for (session, tree), name in sorted(names.shares.items())]
    return msgspec.json.encode(_Content(shares, sorted(names.servers.items())))


def decode(text: bytes) -> Names:
    """The other way.

    Raises:
        ValueError: it is something else.
    """
    try:
        content = msgspec.json.decode(text, type=_Content)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"no names: {error}") from error
    shares = {(session, tree): _clean(name) for session, tree, name in content.shares}
    return Names(shares, {connection: _clean(name) for connection, name in content.servers})


def _clean(name: str) -> str:
    return printable(name.encode(errors="replace"))


def read(runtime_dir: Path) -> Names:
    """The names in this runtime folder; none where the file is missing or not ours."""
    try:
        return decode(read_regular(runtime_dir / FILE, MAX_BYTES))
    except (OSError, ValueError):
        return Names()


def write(runtime_dir: Path, names: Names) -> None:
    """Put the names there, whole.

    Raises:
        OSError: the folder cannot be written.
    """
    replace(runtime_dir / FILE, encode(names))
