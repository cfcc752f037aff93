"""Which thresholds are suggested: the lowest that are silent, alone and then together.

A threshold is one of 1, 2, 5, 10 ... ms above the percentile 99.9 of its command. So at most one
operation in a thousand matters here, and those are few enough to be kept in memory.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from aod.detectors import window
from aod.detectors.api import nanoseconds
from aod.event import EVENT_DTYPE, Events, joined
from aod.kernel.thresholds import never
from aod.replay.ladder import Counting
from aod.smb.commands import Command

SERIES_MS: Final = tuple(factor * 10.0**power for power in range(8) for factor in (1, 2, 5))
"""1 ms to half a day."""


def candidates_ms(above_ns: int, below_ms: float) -> list[float]:
    """What may be suggested, lowest first."""
    return [ms for ms in SERIES_MS if nanoseconds(ms) > above_ns and ms < below_ms]


class Tail:
    """The operations that are slower than the lowest threshold that may be suggested for them."""

    def __init__(self, floors_ns: Mapping[Command, int]):
        self._floor_ns = never()
        for command, floor_ns in floors_ns.items():
            self._floor_ns[command] = floor_ns
        self._parts: list[Events] = []

    def add(self, done: Events) -> None:
        """Finished operations, (n,)."""
        slow = done["latency_ns"] > self._floor_ns.take(done["command"])
        if slow.any():
            self._parts.append(done.compress(slow))

    def events(self) -> Events:
        """All of them, in the order in which they came."""
        return joined(np.empty(0, EVENT_DTYPE), *self._parts)


def silent_alone_ms(
    counting: Counting, command: Command, candidates: list[float], tail: Events
) -> float | None:
    """The lowest candidate that makes no anomaly; None if each does.

    The higher the threshold, the fewer match, so there is no anomaly above it either.
    """
    own = tail.compress(tail["command"] == command)
    silent = (ms for ms in candidates if not _declared(counting, {command: ms}, own))
    return next(silent, None)


def silent_together_ms(
    counting: Counting, alone_ms: Mapping[Command, float], tail: Events, below_ms: float
) -> dict[Command, float]:
    """The same thresholds, raised where need be until all of them together make no anomaly.

    Matches of all commands are counted together, so thresholds that are silent each for itself may
    not be so together. The one that contributes most to the first anomaly is raised by one step; a
    command for which there is no higher one is left out.
    """
    chosen = dict(alone_ms)
    while declared := _declared(counting, chosen, tail):
        matched = declared[0].matched["command"]
        most = Command(int(np.bincount(matched).argmax()))
        higher = candidates_ms(nanoseconds(chosen[most]), below_ms)
        if higher:
            chosen[most] = higher[0]
        else:
            del chosen[most]
    return chosen


def _declared(
    counting: Counting, thresholds_ms: Mapping[Command, float], events: Events
) -> tuple[window.Declaration, ...]:
    return window.step(counting.rule(thresholds_ms), window.State(), events).declared
