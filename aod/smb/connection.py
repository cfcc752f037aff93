"""Events of a connection, beside the operations on it: the client's own tracepoints.

Sources: fs/smb/client/trace.h and where each is called (cifs_mark_tcp_ses_conns_for_reconnect,
__smb_send_rqst, map_smb2_to_linux_error, wait_for_free_credits, wait_for_compound_request,
generic_ip_connect)."""

from enum import IntEnum
from typing import Self

from aod._native import lib


class ConnectionEvent(IntEnum):
    """The `command` of a record with the flag CONNECTION; not an SMB2 command.

    Attributes:
        tracepoint: of the cifs module, which reports it; not every kernel has all of them.
        phrase: for a person."""

    tracepoint: str
    phrase: str

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
