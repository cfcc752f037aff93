"""Records of sessions that expire, as a real client makes them (tests/vm/test_renewal.py)."""

import numpy as np

from aod.event import CONNECTION, Events
from aod.smb.commands import Command, ConnectionEvent
from aod.smb.peers import Names
from tests.unit.records import Record, events

MS = 10**6
SECOND = 1000 * MS
MORE_PROCESSING = 0xC0000016
LOGON_FAILURE = 0xC000006D
CIFSD, OTHER_CIFSD = 152, 153
"""The client's threads, one for each connection."""
OLD, NEW, ELSEWHERE = 1, 2, 3
"""Sessions: the one that expires, the one that takes its place, one at another server."""
NAMES = Names(
    {
        (OLD, 5): r"\\files.example.com\home",
        (NEW, 8): r"\\FILES.example.com\home",
        (ELSEWHERE, 5): r"\\attic.example.com\old",
    }
)


def happened(event: ConnectionEvent, at_ns: int, number: int = 0, pid: int = CIFSD) -> Events:
    """An event of a connection; `number` is its session's or the connection's."""
    made = events(Record(at_ns, session_id=number, command=event))
    made["flags"], made["pid"], made["comm"] = CONNECTION, pid, b"cifsd"
    return made


def expiry(at_ns: int, session_id: int = OLD, pid: int = CIFSD) -> Events:
    return happened(ConnectionEvent.SESSION_EXPIRED, at_ns, session_id, pid)


def reconnect(at_ns: int, pid: int = CIFSD) -> Events:
    return happened(ConnectionEvent.RECONNECT, at_ns, pid, pid)


def logon(at_ns: int, session_id: int = NEW, status: int = 0) -> Events:
    """A SESSION_SETUP that ended."""
    error = {0: 0, MORE_PROCESSING: -5, LOGON_FAILURE: -13}[status]
    return events(
        Record(
            at_ns,
            latency_ns=10 * MS,
            session_id=session_id,
            status=status,
            error=error,
            command=Command.SMB2_SESSION_SETUP,
        )
    )


def write(at_ns: int) -> Events:
    return events(Record(at_ns, latency_ns=MS))


def stream(*parts: Events) -> Events:
    joined: Events = np.concatenate(parts)
    return joined


def renewal(at_ns: int, new: int = NEW) -> Events:
    """What follows an expiry within 200 ms where all is well."""
    return stream(
        expiry(at_ns),
        reconnect(at_ns + 20_000),
        logon(at_ns + 180 * MS, new, MORE_PROCESSING),
        logon(at_ns + 200 * MS, new),
    )
