"""What a record's `command` may be: a command of SMB2 and SMB3, or an event of a connection.

Numbers and names of commands: MS-SMB2 2.2.1.2, the field Command of the packet header."""

from enum import IntEnum
from typing import Final, NamedTuple, Self

from aod._native import lib


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


class ConnectionEvent(IntEnum):
    """The `command` of a record with the flag CONNECTION; not an SMB2 command.

    Sources: fs/smb/client/trace.h and where each is called (cifs_mark_tcp_ses_conns_for_reconnect,
    __smb_send_rqst, map_smb2_to_linux_error, wait_for_free_credits, wait_for_compound_request,
    generic_ip_connect)."""

    tracepoint: str
    """Of the cifs module, which reports it; not every kernel has all of them."""
    phrase: str
    """For a person."""

    def __new__(cls, number: int, tracepoint: str, phrase: str) -> Self:
        event = int.__new__(cls, number)
        event._value_, event.tracepoint, event.phrase = number, tracepoint, phrase
        return event

    RECONNECT = lib.AOD_RECONNECT, "smb3_reconnect", "reconnect"
    SEND_CUT = lib.AOD_SEND_CUT, "smb3_partial_send_reconnect", "connection cut while sending"
    SESSION_EXPIRED = lib.AOD_SESSION_EXPIRED, "smb3_ses_expired", "session expired"
    CREDIT_TIMEOUT = lib.AOD_CREDIT_TIMEOUT, "smb3_credit_timeout", "waited in vain for credits"
    CREDITS_SHORT = (
        lib.AOD_CREDITS_SHORT,
        "smb3_insufficient_credits",
        "too few credits for a compound",
    )
    CONNECT_FAILED = lib.AOD_CONNECT_FAILED, "smb3_connect_err", "connect failed"


class Patience(NamedTuple):
    """The limits of a command in latency rules that do not name it."""

    threshold_ms: float | None
    """The rule's default threshold, but at least this; None: no limit."""
    emergency_ms: float | None
    reason: str


_WAITS: Final = (None, None)
_SET_UP: Final = (1_000, 10_000)

PATIENCE: Final = {
    Command.SMB2_CHANGE_NOTIFY: Patience(*_WAITS, "answered when something changes, if ever"),
    Command.SMB2_LOCK: Patience(*_WAITS, "may wait for whoever holds the lock"),
    Command.SMB2_OPLOCK_BREAK: Patience(*_WAITS, "waits for caches to be written back"),
    Command.SMB2_ECHO: Patience(*_WAITS, "a keep-alive whose end the client does not report"),
    Command.SMB2_CANCEL: Patience(*_WAITS, "has no answer of its own"),
    Command.SMB2_IOCTL: Patience(1_000, 30_000, "FSCTLs, server-side copies"),
    Command.SMB2_NEGOTIATE: Patience(*_SET_UP, "connection set-up"),
    Command.SMB2_SESSION_SETUP: Patience(*_SET_UP, "connection set-up"),
    Command.SMB2_TREE_CONNECT: Patience(*_SET_UP, "connection set-up"),
    Command.SMB2_LOGOFF: Patience(*_SET_UP, "connection tear-down"),
    Command.SMB2_TREE_DISCONNECT: Patience(*_SET_UP, "connection tear-down"),
}
"""Commands that may be slow for other reasons than the server's speed."""

UNTIMED: Final = frozenset({Command.SMB2_ECHO, Command.SMB2_CANCEL})
"""The client's tracepoints never report their end, nor the start of CANCEL."""

_NAMES: Final = {int(member): member.name for kind in (Command, ConnectionEvent) for member in kind}


def command_name(number: int) -> str:
    """`SMB2_WRITE` for 9, `RECONNECT` for 20; `command 77` for a number that is neither."""
    return _NAMES.get(number, f"command {number}")
