"""What thresholds would have declared: those that a person asks about, and the lowest silent ones.

Every threshold is evaluated with the real rule and its window. What may be suggested is one of 1,
2, 5, 10 ... ms above the percentile 99.9 of its command. So at most one operation in a thousand
matters there, and those are few enough to be kept in memory."""

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
from aod.event import NO_EVENTS, Events, joined
from aod.kernel.thresholds import never
from aod.settings import Mode
from aod.smb.commands import Command

DEFAULT_MS: Final = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
SERIES_MS: Final = tuple(factor * 10.0**power for power in range(8) for factor in (1, 2, 5))
"""1 ms to half a day."""


def plain(ms: float) -> str:
    """With all its digits and no exponent: `20`, `0.5`, `1000000`."""
    return f"{ms:f}".rstrip("0").rstrip(".")


def candidates_ms(above_ns: int, below_ms: float) -> list[float]:
    """What may be suggested, lowest first."""
    return [ms for ms in SERIES_MS if nanoseconds(ms) > above_ns and ms < below_ms]


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

    def declared(
        self, thresholds_ms: Mapping[Command, float], events: Events
    ) -> tuple[window.Declaration, ...]:
        """What they declare over these records."""
        _, declared, _ = window.step(self.rule(thresholds_ms), window.State(), events)
        return declared


class Comparison:
    """How many anomalies each of several thresholds would have made for one command alone."""

    def __init__(self, counting: Counting, command: Command, thresholds_ms: Iterable[float]):
        self._rules = {ms: counting.rule({command: ms}) for ms in thresholds_ms}
        self._states = dict.fromkeys(self._rules, window.State())
        self._counts = dict.fromkeys(self._rules, 0)
        self._lowest_ns = np.uint64(min(nanoseconds(ms) for ms in self._rules))

    def feed(self, events: Events) -> None:
        """Finished operations of the command, (n,), in order of time; most are below all."""
        slow = events.compress(events["latency_ns"] > self._lowest_ns)
        if len(slow):
            for ms, rule in self._rules.items():
                self._states[ms], declared, _ = window.step(rule, self._states[ms], slow)
                self._counts[ms] += len(declared)

    def anomalies(self) -> dict[str, int]:
        """By threshold in ms, how many there would have been."""
        return {plain(ms): count for ms, count in self._counts.items()}


def tail(batches: Iterable[Events], floors_ns: Mapping[Command, int]) -> Events:
    """The finished operations slower than this of their command; none of other commands."""
    floor_ns = never()
    for command, own_ns in floors_ns.items():
        floor_ns[command] = own_ns
    slow = (done.compress(done["latency_ns"] > floor_ns.take(done["command"])) for done in batches)
    return joined(NO_EVENTS, *slow)


def silent_alone_ms(
    counting: Counting, command: Command, candidates: list[float], tail: Events
) -> float | None:
    """The lowest candidate that makes no anomaly; None if each does.

    The higher the threshold, the fewer match, so there is no anomaly above it either."""
    own = tail.compress(tail["command"] == command)
    return next((ms for ms in candidates if not counting.declared({command: ms}, own)), None)


def silent_together_ms(
    counting: Counting, alone_ms: Mapping[Command, float], tail: Events, below_ms: float
) -> dict[Command, float]:
    """These thresholds, raised where need be until all of them together make no anomaly.

    Matches of all commands are counted together, so thresholds that are silent each for itself may
    not be so together. The one that contributes most to the first anomaly is raised by one step; a
    command for which there is no higher one is left out."""
    chosen = dict(alone_ms)
    while declared := counting.declared(chosen, tail):
        most = Command(int(np.bincount(declared[0].matched["command"]).argmax()))
        higher = candidates_ms(nanoseconds(chosen[most]), below_ms)
        if higher:
            chosen[most] = higher[0]
        else:
            del chosen[most]
    return chosen
