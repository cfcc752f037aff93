r"""/proc/fs/cifs/DebugData: the names of trees and connections in it.

cifs_debug_data_proc_show (fs/smb/client/cifs_debug.c) writes it for people, so what is not
understood is skipped. These lines matter::

    1) ConnectionId: 0x1 Hostname: fileserver
        Security type: RawNTLMSSP  SessionId: 0xebd99eb
        1) \\fileserver\share Mounts: 1 DevInfo: 0x20 Attributes: 0x1006f
        tid: 0x88a0d99  Optimal sector size: 0x200  Maximal Access: 0x1f01ff"""

import re
from collections.abc import Iterable
from typing import Final

from aod.smb.peers import Names

_CONNECTION: Final = re.compile(r"^\d+\) ConnectionId: (0x[0-9a-f]{1,16}) Hostname: (\S+)")
_SESSION: Final = re.compile(r"\bSessionId: (0x[0-9a-f]{1,16})\b")
_SHARE: Final = re.compile(r"^\s+\d+\) (?:IPC: )?(\\\\.+) Mounts: \d+")
_TREE: Final = re.compile(r"^\s+tid: (0x[0-9a-f]{1,8})\b")


def parse(text: str) -> Names:
    """The names in DebugData, of which only a part may be given."""
    lines = text.split("\n")[:-1]
    return Names(shares=dict(_shares(lines)), servers=dict(_servers(lines)))


def _servers(lines: Iterable[str]) -> Iterable[tuple[int, str]]:
    for line in lines:
        if match := _CONNECTION.match(line):
            yield int(match[1], 16), match[2]


def _shares(lines: Iterable[str]) -> Iterable[tuple[tuple[int, int], str]]:
    session, unc = 0, ""
    for line in lines:
        if _CONNECTION.match(line):
            session, unc = 0, ""
        elif match := _SHARE.match(line):
            unc = match[1]
        elif match := _SESSION.search(line):
            session, unc = int(match[1], 16), ""
        elif (match := _TREE.match(line)) and session and unc:
            yield (session, int(match[1], 16)), unc
            unc = ""
