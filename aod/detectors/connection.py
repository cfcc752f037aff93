"""Connection: what happened to a connection to the server, rather than to one operation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from aod.detectors.api import Finding, Frame, Rule, Settings
from aod.detectors.lists import Vocabulary, list_faults
from aod.event import CONNECTION, Events
from aod.kernel.thresholds import Mask, Thresholds, never
from aod.settings import Count
from aod.smb.commands import Command, ConnectionEvent

_NAMES: Final = {event.name.lower(): event for event in ConnectionEvent}
_WORDS: Final = Vocabulary("event", tuple(_NAMES), ", ".join(_NAMES))
BY_DEFAULT: Final = tuple(
    event for event in ConnectionEvent if event is not ConnectionEvent.CONNECT_FAILED
)
"""A failed mount is reported to whoever mounts; and of a lost connection the reconnect comes
first."""


class Connection(Settings, frozen=True):
    """Reconnects, dropped connections, expired sessions, no credits."""

    tool: Literal["smbconn"] = "smbconn"
    acceptable_count: Count = 0
    events: tuple[str, ...] = ()
    """Only these count, in small letters: `reconnect`; none = `BY_DEFAULT`."""

    def rule(self, frame: Frame) -> "ConnectionRule":
        return ConnectionRule(frame, tuple(map(_NAMES.__getitem__, self.events)) or BY_DEFAULT)

    def faults(self) -> Iterator[Finding]:
        yield from list_faults(_WORDS, "events", self.events)


@dataclass(eq=False)
class ConnectionRule(Rule):
    """When something that happened to a connection counts."""

    noun = "connection events"

    frame: Frame
    events: tuple[ConnectionEvent, ...]

    def matches(self, events: Events) -> Mask:
        found: Mask = (events["flags"] & CONNECTION) != 0
        few = np.flatnonzero(found)
        found[few] = np.isin(events["command"][few], self.events)
        return found

    def knobs(self) -> Thresholds:
        """Such a record has latency 0: with 0 as emergency the kernel wakes for it at once. Every
        logon is to be recorded, as it settles an expiry (`aod.detectors.renewal`)."""
        emergency_ns, threshold_ns = never(), never()
        emergency_ns[list(self.events)] = 0
        threshold_ns[Command.SMB2_SESSION_SETUP] = 0
        return Thresholds(threshold_ns, emergency_ns)

    def described(self) -> Iterator[tuple[str, str]]:
        for event in self.events:
            label = "counted" if event is self.events[0] else ""
            yield label, f"{event.name.lower()}: {event.phrase}"
        others = [name for name, event in _NAMES.items() if event not in self.events]
        if others:
            yield "left out", f"{', '.join(others)}, unless in events"
