"""Sessions that expire and are renewed at once: no incident.

A server ends a session when the ticket that it was made with ends, mostly after some hours (MS-SMB2
3.3.5.2.9, STATUS_NETWORK_SESSION_EXPIRED). What the client does then (fs/smb/client/connect.c,
cifs_handle_standard): its thread of that connection reports the expiry, drops the connection and
connects anew, which is the reconnect of the same thread; the refused request, which is sent again,
ends with no record. Whoever needs the session next, a worker of the client at the latest, logs on
with a SESSION_SETUP, which makes another session.

So an expiry is held back until its time is up, with what it leads to: the first reconnect of the
same thread, and on that connection a request that is cut or finds no credits, of which a new
connection has one. If there was a good logon in that time, all are forgotten; if not, all count, at
that time. A record of a logon does not say which server it is for: every logon settles every
expiry, unless the names of their shares tell that they are of different hosts.

Pure: state and records in, state and records out. Time is the records' own, or the caller's where
there are none. For a stream in order, how it is cut into batches makes no difference."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from aod.detectors.api import finished
from aod.event import CONNECTION, NO_EVENTS, Events, joined
from aod.kernel.thresholds import Mask
from aod.smb.commands import Command, ConnectionEvent
from aod.smb.peers import Names

RENEWAL_NS: Final = 5 * 10**9
"""For so long an expiry may wait for a good logon. The client tries at once, and when that fails,
every two seconds (smb2_reconnect_server); what takes longer, people have noticed."""
MAX_HELD: Final = 1024
"""Expiries; beyond, they count at once: so many at a time are an incident."""
MAX_LED: Final = 64
"""Records of one expiry; beyond, they count at once."""
MAX_LOGONS: Final = 4096
"""The last ones, of all servers."""

_ON_THE_WAY: Final = (ConnectionEvent.SEND_CUT, ConnectionEvent.CREDITS_SHORT)
_EVENTS: Final = (ConnectionEvent.SESSION_EXPIRED, ConnectionEvent.RECONNECT, *_ON_THE_WAY)

Logon: TypeAlias = tuple[int, int]
"""(end in ns, session id) of a good SESSION_SETUP."""
Hosts: TypeAlias = dict[int, frozenset[str]]
"""By session id: the hosts of its shares."""


@dataclass(frozen=True, eq=False)
class Expiry:
    """A session that has expired, and is not settled."""

    records: Events
    """The expiry, and what it has led to: the reconnect, and what comes on that connection."""

    @property
    def at_ns(self) -> int:
        return int(self.records["end_ns"][0])

    @property
    def due_ns(self) -> int:
        """When its time is up."""
        return self.at_ns + RENEWAL_NS

    def led_to(self, event: np.void) -> bool:
        """Whether this event of a connection is part of it."""
        if len(self.records) == 1:
            is_next = event["command"] == ConnectionEvent.RECONNECT
            return bool(is_next and event["pid"] == self.records["pid"][0])
        is_next = event["command"] in _ON_THE_WAY and len(self.records) < MAX_LED
        return bool(is_next and event["session_id"] == self.records["session_id"][1])

    def is_settled(self, logons: tuple[Logon, ...], hosts: Hosts) -> bool:
        """Whether one of these may have renewed it."""
        ours = hosts.get(int(self.records["session_id"][0]), frozenset())
        for end_ns, session_id in logons:
            if self.at_ns < end_ns <= self.due_ns:
                theirs = hosts.get(session_id, frozenset())
                if not ours or not theirs or ours & theirs:
                    return True
        return False

    def overdue(self) -> Events:
        """Its records at the time when they count, the expiry first; their latency is how long they
        were held."""
        late = joined(self.records)
        late["end_ns"] = np.uint64(self.due_ns) + np.arange(len(late), dtype=np.uint64)
        late["latency_ns"] = late["end_ns"] - self.records["end_ns"]
        return late


@dataclass(frozen=True, eq=False)
class State:
    """What is not settled."""

    held: tuple[Expiry, ...] = ()
    """In order of time."""
    logons: tuple[Logon, ...] = ()
    """Those that came while something was held."""


def step(state: State, events: Events, names: Callable[[], Names]) -> tuple[State, Events]:
    """Take a batch in: shape (n,), dtype `EVENT_DTYPE`, in any order.

    Returns what is left to be evaluated: without what is held now, and with what had been held and
    counts after all."""
    kept, ours = np.ones(len(events), np.bool_), np.flatnonzero(_relevant(events))
    if not state.held and ConnectionEvent.SESSION_EXPIRED not in events["command"][ours]:
        return state, events
    released: list[Events] = []
    for index in ours[np.argsort(events["end_ns"][ours], kind="stable")]:
        event = events[index : index + 1]
        state, late = settle(state, int(event["end_ns"][0]) - 1, names)
        released.append(late)
        before = state
        state = _taken(state, event)
        kept[index] = state.held is before.held
    if len(events):
        state, late = settle(state, int(events["end_ns"].max()) - 1, names)
        released.append(late)
    return state, joined(events.compress(kept), *released)


def settle(state: State, now_ns: int, names: Callable[[], Names]) -> tuple[State, Events]:
    """What counts of all whose time is up: every record that ended by `now_ns` is known."""
    due = [one for one in state.held if one.due_ns <= now_ns]
    if not due:
        return state, NO_EVENTS
    hosts = _hosts(names())
    late = [one.overdue() for one in due if not one.is_settled(state.logons, hosts)]
    held = state.held[len(due) :]
    logons = state.logons if held else ()
    return State(held, logons), joined(NO_EVENTS, *late)


def _hosts(names: Names) -> Hosts:
    r"""`\\host\share` -> host; its letters may be large or small."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for (session_id, _), unc in names.shares.items():
        if host := unc.lstrip("\\").partition("\\")[0]:
            found[session_id].add(host.casefold())
    return {session_id: frozenset(hosts) for session_id, hosts in found.items()}


def _relevant(events: Events) -> Mask:
    """(n,): expiries, what they may lead to, good logons."""
    flags, command = events["flags"], events["command"]
    changes = np.isin(command, _EVENTS)
    logons = (command == Command.SMB2_SESSION_SETUP) & finished(flags) & (events["status"] == 0)
    found: Mask = ((flags & CONNECTION != 0) & changes) | logons
    return found


def _taken(state: State, event: Events) -> State:
    """The state after one more relevant record; a new `held` if that is held now."""
    number = int(event["command"][0])
    if number == ConnectionEvent.SESSION_EXPIRED:
        if len(state.held) >= MAX_HELD:
            return state
        return replace(state, held=(*state.held, Expiry(joined(event))))
    if number == Command.SMB2_SESSION_SETUP:
        logon = int(event["end_ns"][0]), int(event["session_id"][0])
        return replace(state, logons=(*state.logons, logon)[-MAX_LOGONS:]) if state.held else state
    for index, one in enumerate(state.held):
        if one.led_to(event[0]):
            more = Expiry(joined(one.records, event))
            return replace(state, held=(*state.held[:index], more, *state.held[index + 1 :]))
    return state
