"""How many anomalies each of several thresholds would have made for one command alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec.structs import replace

from aod.config.rules import frame
from aod.config.schema import Config
from aod.detectors import window
from aod.detectors.api import Rule, nanoseconds
from aod.detectors.latency import Latency, TrackedCommand
from aod.event import Events
from aod.settings import Mode
from aod.smb.commands import Command

DEFAULT_MS: Final = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


def plain(ms: float) -> str:
    """With all its digits and no exponent: `20`, `0.5`, `1000000`."""
    return f"{ms:f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Counting:
    """An anomaly of the configuration, whose way of counting is used with other thresholds."""

    config: Config
    name: str
    latency: Latency

    def rule(self, thresholds_ms: Mapping[Command, float]) -> Rule:
        """The real rule, with these thresholds, for no other commands and without emergencies."""
        entries = tuple(
            TrackedCommand(command=command.name, threshold=ms, emergency_threshold_ms=None)
            for command, ms in thresholds_ms.items()
        )
        settings = replace(
            self.latency, mode=Mode.TRACKONLY, track_commands=entries, exclude_commands=()
        )
        return settings.rule(frame(self.config, self.name, settings))


class _Step:
    """One threshold, through the real window."""

    def __init__(self, rule: Rule):
        self.anomalies = 0
        self._rule = rule
        self._state = window.State()

    def feed(self, events: Events) -> None:
        outcome = window.step(self._rule, self._state, events)
        self._state = outcome.state
        self.anomalies += len(outcome.declared)


class Ladder:
    """The steps of one command."""

    def __init__(self, counting: Counting, command: Command, thresholds_ms: Iterable[float]):
        self._steps = {ms: _Step(counting.rule({command: ms})) for ms in thresholds_ms}
        self._lowest_ns = np.uint64(min(nanoseconds(ms) for ms in self._steps))

    def feed(self, events: Events) -> None:
        """Finished operations of the command, (n,), in order of time; most are below any step."""
        slow = events.compress(events["latency_ns"] > self._lowest_ns)
        if len(slow):
            for one in self._steps.values():
                one.feed(slow)

    def anomalies(self) -> dict[str, int]:
        """By threshold in ms, how many there would have been."""
        return {plain(ms): one.anomalies for ms, one in self._steps.items()}
