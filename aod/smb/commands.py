"""The commands of SMB2 and SMB3, and which of them say nothing about a server's speed.

Numbers and names: MS-SMB2 2.2.1.2, the field Command of the packet header.
"""

from enum import IntEnum
from typing import Final

from aod.smb.connection import ConnectionEvent

PREFIX: Final = "SMB2_"


class Command(IntEnum):
    """A command by its number on the wire; there are 19, without gaps."""

    SMB2_NEGOTIATE = 0
    SMB2_SESSION_SETUP = 1
    SMB2_LOGOFF = 2
    SMB2_TREE_CONNECT = 3
    SMB2_TREE_DISCONNECT = 4
    SMB2_CREATE = 5
    SMB2_CLOSE = 6
    SMB2_FLUSH = 7
    SMB2_READ = 8
    SMB2_WRITE = 9
    SMB2_LOCK = 10
    SMB2_IOCTL = 11
    SMB2_CANCEL = 12
    SMB2_ECHO = 13
    SMB2_QUERY_DIRECTORY = 14
    SMB2_CHANGE_NOTIFY = 15
    SMB2_QUERY_INFO = 16
    SMB2_SET_INFO = 17
    SMB2_OPLOCK_BREAK = 18


WAIT_BY_DESIGN: Final = {
    Command.SMB2_CHANGE_NOTIFY: "answered when something changes, if ever",
    Command.SMB2_LOCK: "may wait for whoever holds the lock",
    Command.SMB2_OPLOCK_BREAK: "waits for caches to be written back",
    Command.SMB2_ECHO: "a keep-alive whose end the client does not report",
    Command.SMB2_CANCEL: "has no answer of its own",
    Command.SMB2_IOCTL: "server-side copies and FSCTLs may take long",
}
"""Slow for a reason that is not the server's speed; latency rules leave them out unless named."""

CONNECTION_SETUP: Final = {
    Command.SMB2_NEGOTIATE: "connection set-up",
    Command.SMB2_SESSION_SETUP: "connection set-up",
    Command.SMB2_LOGOFF: "connection tear-down",
    Command.SMB2_TREE_CONNECT: "connection set-up",
    Command.SMB2_TREE_DISCONNECT: "connection tear-down",
}
"""Part of a mount, an unmount or a reconnect; latency rules leave them out unless named."""

LEFT_OUT: Final = WAIT_BY_DESIGN | CONNECTION_SETUP
"""Command -> why a latency rule does not watch it unless `track_commands` names it."""

UNTIMED: Final = frozenset({Command.SMB2_ECHO, Command.SMB2_CANCEL})
"""Their end is never reported by the client's tracepoints: ECHO begins only, CANCEL is silent."""


_NAMES: Final = {int(member): member.name for kind in (Command, ConnectionEvent) for member in kind}


def command_name(number: int) -> str:
    """`SMB2_WRITE` for 9, `RECONNECT` for 20; `command 77` for a number that is neither."""
    return _NAMES.get(number, f"command {number}")
