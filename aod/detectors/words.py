"""Records in words: what a person reads about one operation."""

from typing import Final

import numpy as np

from aod.anomaly import Operation
from aod.event import CONNECTION, IN_FLIGHT, UNANSWERED, Events
from aod.smb.commands import command_name
from aod.smb.connection import ConnectionEvent
from aod.smb.errors import errno_name
from aod.smb.ntstatus import status_name
from aod.smb.peers import Names
from aod.text import printable

FINISHED: Final = "finished"
IN_FLIGHT_STATE: Final = "in flight"
NEVER_ANSWERED: Final = "never answered"
EVENT: Final = "event"

_EVENTS: Final = {
    ConnectionEvent.RECONNECT: "connection to {} lost, reconnecting",
    ConnectionEvent.SEND_CUT: "connection to {} lost while sending, reconnecting",
    ConnectionEvent.SESSION_EXPIRED: "session for {} expired, new logon needed",
    ConnectionEvent.CREDIT_TIMEOUT: "{} granted no credits for too long",
    ConnectionEvent.CREDITS_SHORT: "{} granted too few credits for a compound request",
    ConnectionEvent.CONNECT_FAILED: "connection to {} failed",
}
_EVENT_SENTENCES: Final = {event.name: sentence for event, sentence in _EVENTS.items()}


def operations(events: Events, names: Names) -> tuple[Operation, ...]:
    """Records in words."""
    return tuple(_operation(event, names) for event in events)


def _operation(event: np.void, names: Names) -> Operation:
    state = _state(int(event["flags"]))
    session_id, tree_id = int(event["session_id"]), int(event["tree_id"])
    return Operation(
        command=command_name(int(event["command"])),
        latency_ns=int(event["latency_ns"]),
        end_ns=int(event["end_ns"]),
        session_id=session_id,
        tree_id=tree_id,
        mid=int(event["mid"]),
        pid=int(event["pid"]),
        comm=printable(bytes(event["comm"])),
        status=status_name(int(event["status"])) if state == FINISHED else "",
        error=errno_name(-int(event["error"])) if event["error"] else "",
        state=state,
        share=_share(event, names, state),
    )


def _state(flags: int) -> str:
    if flags & CONNECTION:
        return EVENT
    if flags & UNANSWERED:
        return NEVER_ANSWERED
    return IN_FLIGHT_STATE if flags & IN_FLIGHT else FINISHED


def _share(event: np.void, names: Names, state: str) -> str:
    session_id, tree_id = int(event["session_id"]), int(event["tree_id"])
    expired = int(event["command"]) == ConnectionEvent.SESSION_EXPIRED
    if state == EVENT and not expired:
        return names.server(session_id)
    return names.share(session_id, tree_id)


def task(operation: Operation) -> str:
    """`cp[4321]`"""
    return f"{operation.comm}[{operation.pid}]"


def tree(operation: Operation) -> str:
    r"""`\\host\share`, else the numbers."""
    if operation.share:
        return operation.share
    if operation.state == EVENT:
        return f"connection {operation.session_id:#x}"
    return f"tree {operation.tree_id:#x} of session {operation.session_id:#x}"


def sentence(operation: Operation) -> str:
    """What happened to it: `SMB2_READ of cp[4321] took 45.5 ms`."""
    if operation.state == EVENT:
        return _event_sentence(operation)
    latency_ms = operation.latency_ns / 1e6
    subject = f"{operation.command} of {task(operation)}"
    if operation.state == FINISHED:
        outcome = f" and ended with {operation.status}" if operation.error else ""
        return f"{subject} took {latency_ms:,.1f} ms{outcome}"
    if operation.state == NEVER_ANSWERED:
        return f"{subject} ended without an answer after {latency_ms:,.1f} ms"
    return f"{subject} in flight for {latency_ms:,.1f} ms"


def _event_sentence(operation: Operation) -> str:
    peer = operation.share or f"unknown server ({operation.session_id:#x})"
    known = _EVENT_SENTENCES.get(operation.command, f"{operation.command}, {{}}")
    error = f" ({operation.error})" if operation.error else ""
    return known.format(peer) + error
