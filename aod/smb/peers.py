"""Names of peers: the share of a tree and the host of a connection, as the client knows them.

collect writes them into a file of the runtime folder, for whoever describes a record. A name that
is not known is an empty text."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from aod.state.report_file import ReportFile
from aod.text import MAX_WORD, Unsigned, shown

_BEGIN: Final = re.compile(r"^\d+\) ")
"""Of what is listed of a server."""
_CONNECTION: Final = re.compile(r"^\d+\) ConnectionId: (0x[0-9a-f]{1,16}) Hostname: (\S+)")
_CHANNEL: Final = re.compile(r"^\s+Channel: \d+ ConnectionId: (0x[0-9a-f]{1,16})\b")
_SESSION: Final = re.compile(r"\bSessionId: (0x[0-9a-f]{1,16})\b")
_SHARE: Final = re.compile(r"^\s+\d+\) (?:IPC: )?(\\\\.+) Mounts: \d+")
_TREE: Final = re.compile(r"^\s+tid: (0x[0-9a-f]{1,8})\b")


@dataclass(frozen=True)
class Names:
    """The known names of trees and connections, by their numbers."""

    shares: Mapping[tuple[int, int], str] = field(default_factory=dict)
    """(session id, tree id) -> UNC."""
    servers: Mapping[int, str] = field(default_factory=dict)
    """Connection id -> host name."""

    def share(self, session_id: int, tree_id: int) -> str:
        r"""`\\host\share`; empty if it is not known."""
        return self.shares.get((session_id, tree_id), "")

    def server(self, connection_id: int) -> str:
        """The host's name, as the mount gave it; empty if it is not known."""
        return self.servers.get(connection_id, "")


_Name: TypeAlias = Annotated[str, Meta(max_length=MAX_WORD)]


class _Content(Struct, frozen=True, forbid_unknown_fields=True):
    """JSON has no keys of two numbers."""

    shares: list[tuple[Unsigned, Unsigned, _Name]]
    servers: list[tuple[Unsigned, _Name]]


def encode(names: Names) -> bytes:
    """The names as JSON."""
    shares = [(*ids, name) for ids, name in sorted(names.shares.items())]
    return msgspec.json.encode(_Content(shares, sorted(names.servers.items())))


def decode(text: bytes) -> Names:
    """The names in what `encode` made. Raises ValueError: it is something else."""
    try:
        content = msgspec.json.decode(text, type=_Content)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"no names: {error}") from error
    shares = {(session, tree): shown(name) for session, tree, name in content.shares}
    return Names(shares, {connection: shown(name) for connection, name in content.servers})


FILE: Final = ReportFile("names.json", Names(), decode, encode, max_bytes=4 << 20)
"""Written by collect."""


def parse_debugdata(text: str) -> Names:
    r"""The names in /proc/fs/cifs/DebugData, of which only a part may be given.

    cifs_debug_data_proc_show (fs/smb/client/cifs_debug.c) writes it for people, so what is not
    understood is skipped. These lines matter::

        1) ConnectionId: 0x1 Hostname: fileserver
            Security type: RawNTLMSSP  SessionId: 0xebd99eb
                Channel: 2 ConnectionId: 0x2
            1) \\fileserver\share Mounts: 1 DevInfo: 0x20 Attributes: 0x1006f
            tid: 0x88a0d99  Optimal sector size: 0x200  Maximal Access: 0x1f01ff

    A further channel has no name of its own, here and in the client's messages and tracepoints."""
    lines = text.split("\n")[:-1]
    return Names(dict(_shares(lines)), dict(_servers(lines)))


def _servers(lines: Iterable[str]) -> Iterable[tuple[int, str]]:
    host = ""
    for line in lines:
        if _BEGIN.match(line):
            host = ""
        if match := _CONNECTION.match(line):
            host = match[2]
            yield int(match[1], 16), host
        elif host and (match := _CHANNEL.match(line)):
            yield int(match[1], 16), host


def _shares(lines: Iterable[str]) -> Iterable[tuple[tuple[int, int], str]]:
    session, unc = 0, ""
    for line in lines:
        if _BEGIN.match(line):
            session, unc = 0, ""
        elif match := _SHARE.match(line):
            unc = match[1]
        elif match := _SESSION.search(line):
            session, unc = int(match[1], 16), ""
        elif (match := _TREE.match(line)) and session and unc:
            yield (session, int(match[1], 16)), unc
            unc = ""
