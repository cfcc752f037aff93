"""Connection: what happened to a connection to the server, rather than to one operation."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from aod.config_base import Count
from aod.detectors.api import Finding, Frame, Rule, Settings
from aod.detectors.lists import Vocabulary, list_faults
from aod.event import CONNECTION, Events
from aod.knobs import Knobs, Mask, never
from aod.smb.connection import PHRASES, ConnectionEvent

_EVENTS = Vocabulary(
    "event",
    tuple(event.name.lower() for event in ConnectionEvent),
    ", ".join(event.name.lower() for event in ConnectionEvent),
)


class Connection(Settings, frozen=True):
    """Reconnects, dropped connections, expired sessions, no credits."""

    tool: Literal["smbconn"] = "smbconn"
    acceptable_count: Count = 0
    events: tuple[str, ...] = ()
    """Only these count; none = all. In small letters: `reconnect`."""

    def rule(self, frame: Frame) -> "ConnectionRule":
        names = [name.upper() for name in self.events] or [event.name for event in ConnectionEvent]
        return ConnectionRule(frame, [ConnectionEvent[name] for name in names])

    def faults(self) -> Iterator[Finding]:
        yield from list_faults(_EVENTS, "events", self.events)


class ConnectionRule(Rule):
    """When something that happened to a connection counts."""

    noun = "connection events"

    def __init__(self, frame: Frame, events: list[ConnectionEvent]):
        super().__init__(frame)
        self.events = events
        self._numbers = np.array(events, np.uint8)

    def matches(self, events: Events) -> Mask:
        found: Mask = (events["flags"] & CONNECTION) != 0
        few = np.flatnonzero(found)
        found[few] = np.isin(events["command"][few], self._numbers)
        return found

    def knobs(self) -> Knobs:
        """Such a record has latency 0: with 0 as emergency the kernel wakes for it at once."""
        emergency_ns = never()
        emergency_ns[self._numbers] = 0
        return Knobs(emergency_ns=emergency_ns)

    def described(self) -> Iterator[tuple[str, str]]:
        label = "counted"
        for event in self.events:
            yield label, f"{event.name.lower()}: {PHRASES[event]}"
            label = ""
