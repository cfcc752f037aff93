"""Latency: operations that are slow, command by command, and those in flight for too long."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from aod.detectors.api import Finding, Frame, Rule, Settings, finished, nanoseconds
from aod.detectors.lists import COMMANDS, selection_doubts, selection_faults
from aod.event import Events
from aod.kernel.thresholds import NEVER_NS, Mask, Nanoseconds, Thresholds, never
from aod.settings import Milliseconds, Mode, Section
from aod.smb.commands import PATIENCE, UNTIMED, Command, command_name


class TrackedCommand(Section, frozen=True):
    """An entry of `track_commands`."""

    command: str
    threshold: Milliseconds | None = None
    """ms; None = `default_threshold_ms`."""
    emergency_threshold_ms: Milliseconds | UnsetType | None = UNSET
    """Unset = the anomaly's; None switches it off for this command."""


class Latency(Settings, frozen=True):
    """Operations that took longer than their threshold, or hang."""

    tool: Literal["smbslower"] = "smbslower"
    mode: Mode = Mode.ALL
    default_threshold_ms: Milliseconds = 20
    emergency_threshold_ms: Milliseconds | None = 1000
    """One operation this slow, finished or not, is an anomaly at once; None switches it off."""
    track_commands: tuple[TrackedCommand, ...] = ()
    exclude_commands: tuple[str, ...] = ()

    def rule(self, frame: Frame) -> "LatencyRule":
        threshold_ns, emergency_ns = never(), never()
        for command in Command:
            slow_ms, hanging_ms = self.limits_ms(command)
            if slow_ms is not None:
                threshold_ns[command] = nanoseconds(slow_ms)
            if slow_ms is not None and hanging_ms is not None:
                # What is acceptable is no emergency.
                emergency_ns[command] = max(nanoseconds(hanging_ms), nanoseconds(slow_ms) + 1)
        return LatencyRule(frame, self, threshold_ns, emergency_ns)

    def limits_ms(self, command: Command) -> tuple[float | None, float | None]:
        """The threshold and the emergency threshold; None: not watched, or switched off."""
        for entry in self.track_commands:
            if entry.command == command.name:
                own = entry.emergency_threshold_ms
                hanging_ms = self.emergency_threshold_ms if own is UNSET else own
                return entry.threshold or self.default_threshold_ms, hanging_ms
        excluded = self.mode is Mode.EXCLUDEONLY and command.name in self.exclude_commands
        if self.mode is Mode.TRACKONLY or excluded:
            return None, None
        if command not in PATIENCE:
            return self.default_threshold_ms, self.emergency_threshold_ms
        patience = PATIENCE[command]
        return (
            _higher(self.default_threshold_ms, patience.threshold_ms),
            _higher(self.emergency_threshold_ms, patience.emergency_ms),
        )

    def faults(self) -> Iterator[Finding]:
        tracked = ("track_commands", [entry.command for entry in self.track_commands])
        excluded = ("exclude_commands", self.exclude_commands)
        yield from selection_faults(COMMANDS, self.mode, tracked, excluded)

    def thresholds_ms(self) -> Iterator[tuple[tuple[str | int, ...], float]]:
        yield ("default_threshold_ms",), self.default_threshold_ms
        if self.emergency_threshold_ms is not None:
            yield ("emergency_threshold_ms",), self.emergency_threshold_ms
        for index, entry in enumerate(self.track_commands):
            if entry.threshold is not None:
                yield ("track_commands", index, "threshold"), entry.threshold
            if isinstance(entry.emergency_threshold_ms, int | float):
                key = ("track_commands", index, "emergency_threshold_ms")
                yield key, entry.emergency_threshold_ms

    def doubts(self) -> Iterator[Finding]:
        yield from selection_doubts(self.mode, "exclude_commands", self.exclude_commands)
        for index, entry in enumerate(self.track_commands):
            if Command[entry.command] in UNTIMED:
                text = "which cannot be timed: the client never reports its end"
                yield Finding(("track_commands", index), f"is {entry.command}, {text}")
        limits = {command: self.limits_ms(command) for command in Command}
        if all(limits[command][0] is None for command in Command if command not in UNTIMED):
            yield Finding(("exclude_commands",), "leaves no command to watch")
        for command, (slow_ms, hanging_ms) in limits.items():
            if slow_ms is not None and hanging_ms is not None and hanging_ms <= slow_ms:
                text = f"is {hanging_ms:g}, not above the threshold {slow_ms:g} of {command.name}:"
                text += " every slow one is an emergency"
                yield Finding(("emergency_threshold_ms",), text)
                return


def _higher(one_ms: float | None, other_ms: float | None) -> float | None:
    """None is higher than any: never."""
    return None if one_ms is None or other_ms is None else max(one_ms, other_ms)


@dataclass(eq=False)
class LatencyRule(Rule):
    """When an operation is too slow."""

    noun = "slow operations"

    frame: Frame
    settings: Latency
    threshold_ns: Nanoseconds
    """(32,); a finished operation matches when `latency_ns` > this of its command."""
    emergency_ns: Nanoseconds
    """(32,); any operation, finished or not, matches when `latency_ns` >= this."""

    @cached_property
    def _floor_ns(self) -> np.uint64:
        """No record with a latency below or at this matches."""
        return np.uint64(min(int(self.threshold_ns.min()), int(self.emergency_ns.min()) - 1))

    def matches(self, events: Events) -> Mask:
        """Nearly all operations are fast: one comparison for all, the tables for the few."""
        found: Mask = events["latency_ns"] > self._floor_ns
        few = np.flatnonzero(found)
        if few.size == 0:
            return found
        latency_ns, command = events["latency_ns"][few], events["command"][few]
        slow = finished(events["flags"][few])
        slow &= latency_ns > self.threshold_ns.take(command, mode="clip")
        found[few] = slow | self._reaches(latency_ns, command)
        return found

    def emergencies(self, events: Events) -> Mask:
        found: Mask = events["latency_ns"] > self._floor_ns
        few = np.flatnonzero(found)
        found[few] = self._reaches(events["latency_ns"][few], events["command"][few])
        return found

    def _reaches(self, latency_ns: Nanoseconds, command: NDArray[np.uint8]) -> Mask:
        emergency_ns = self.emergency_ns.take(command, mode="clip")
        reached: Mask = (latency_ns >= emergency_ns) & (emergency_ns != NEVER_NS)
        return reached

    def grounds(self, event: np.void) -> str:
        command, latency_ns = int(event["command"]), int(event["latency_ns"])
        emergency_ns = int(self.emergency_ns.take(command, mode="clip"))
        if latency_ns >= emergency_ns:
            return f"emergency threshold {emergency_ns / 1e6:,g} ms"
        return f"more than {int(self.threshold_ns.take(command, mode='clip')) / 1e6:g} ms"

    def knobs(self) -> Thresholds:
        return Thresholds(threshold_ns=self.threshold_ns, emergency_ns=self.emergency_ns)

    def described(self) -> Iterator[tuple[str, str]]:
        if self.settings.emergency_threshold_ms is not None:
            yield "at once", "when one operation reaches its emergency threshold, finished or not"
        notes = {command: patience.reason for command, patience in PATIENCE.items()}
        notes |= {Command[one.command]: "track_commands" for one in self.settings.track_commands}
        yield "watched", f"{'command':<22}{'slower than':>14}{'emergency':>14}"
        for command in Command:
            if self.threshold_ns[command] != NEVER_NS:
                slow = _milliseconds(self.threshold_ns[command])
                emergency = _milliseconds(self.emergency_ns[command])
                line = f"{command.name:<22}{slow:>14}{emergency:>14}  {notes.get(command, '')}"
                yield "", line.rstrip()
        yield from self._left_out()

    def _left_out(self) -> Iterator[tuple[str, str]]:
        if self.settings.mode is Mode.TRACKONLY:
            yield "left out", "every command that is not in track_commands"
            return
        if self.settings.mode is Mode.EXCLUDEONLY and self.settings.exclude_commands:
            yield "left out", ", ".join(self.settings.exclude_commands)
        yield "left out", "what waits by design, unless in track_commands:"
        for command, patience in PATIENCE.items():
            excluded = command.name in self.settings.exclude_commands
            if self.threshold_ns[command] == NEVER_NS and not excluded:
                yield "", f"{command_name(command)}: {patience.reason}"


def _milliseconds(limit_ns: np.uint64) -> str:
    return "off" if limit_ns == NEVER_NS else f"{int(limit_ns) // 1000 / 1000:,g} ms"
