"""What happens to a connection, beside the operations on it: the client's own tracepoints.

Sources: fs/smb/client/trace.h and where each is called (cifs_mark_tcp_ses_conns_for_reconnect,
__smb_send_rqst, map_smb2_to_linux_error, wait_for_free_credits, wait_for_compound_request,
generic_ip_connect).
"""

from enum import IntEnum
from typing import Final

from aod._native import lib


class ConnectionEvent(IntEnum):
    """The `command` of a record with the flag CONNECTION; no number of SMB2."""

    RECONNECT = lib.AOD_RECONNECT
    SEND_CUT = lib.AOD_SEND_CUT
    SESSION_EXPIRED = lib.AOD_SESSION_EXPIRED
    CREDIT_TIMEOUT = lib.AOD_CREDIT_TIMEOUT
    CREDITS_SHORT = lib.AOD_CREDITS_SHORT
    CONNECT_FAILED = lib.AOD_CONNECT_FAILED


PHRASES: Final = {
    ConnectionEvent.RECONNECT: "reconnect",
    ConnectionEvent.SEND_CUT: "connection cut while sending",
    ConnectionEvent.SESSION_EXPIRED: "session expired",
    ConnectionEvent.CREDIT_TIMEOUT: "waited in vain for credits",
    ConnectionEvent.CREDITS_SHORT: "too few credits for a compound",
    ConnectionEvent.CONNECT_FAILED: "connect failed",
}
"""Each in words for a person."""

TRACEPOINTS: Final = {
    ConnectionEvent.RECONNECT: "smb3_reconnect",
    ConnectionEvent.SEND_CUT: "smb3_partial_send_reconnect",
    ConnectionEvent.SESSION_EXPIRED: "smb3_ses_expired",
    ConnectionEvent.CREDIT_TIMEOUT: "smb3_credit_timeout",
    ConnectionEvent.CREDITS_SHORT: "smb3_insufficient_credits",
    ConnectionEvent.CONNECT_FAILED: "smb3_connect_err",
}
"""Which tracepoint of the cifs module tells it; not every kernel has all of them."""
