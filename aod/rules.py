"""What the configuration comes to: tables by command, errno and status.

The kernel's maps (`kernel_knobs`) and the detectors (`rules`, `matches`) are both derived here, so
they cannot disagree: whatever a rule matches, the kernel reports at once.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aod import config as schema
from aod.config import Config, Mode
from aod.smb.commands import LEFT_OUT, Command
from aod.verdicts import COMMANDS, ERRNOS, Mask, Verdicts

NEVER_NS: Final = 2**64 - 1
"""A threshold that nothing reaches: not watched, or switched off."""
IN_FLIGHT: Final = 1
"""Bit of `flags`: the operation had not finished when the record was made."""

Events: TypeAlias = NDArray[Any]
"""Structured, (n,), with latency_ns u64, error i16 (-errno), status u32, command u8, flags u8."""
Nanoseconds: TypeAlias = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class LatencyRule:
    """When an operation is too slow."""

    name: str
    threshold_ns: Nanoseconds
    """(32,); a finished operation matches when `latency_ns` > this of its command."""
    emergency_ns: Nanoseconds
    """(32,); any operation, finished or not, matches when `latency_ns` >= this. Never below the
    threshold: what is acceptable is no emergency."""
    acceptable_count: int
    window_ns: int
    cooldown_ns: int
    actions: tuple[str, ...]

    @cached_property
    def floor_ns(self) -> np.uint64:
        """No record with a latency below or at this matches."""
        return np.uint64(min(int(self.threshold_ns.min()), int(self.emergency_ns.min()) - 1))


@dataclass(frozen=True, eq=False)
class ErrorRule:
    """When a failed operation counts."""

    name: str
    verdicts: Verdicts
    acceptable_count: int
    window_ns: int
    cooldown_ns: int
    actions: tuple[str, ...]


Rule: TypeAlias = LatencyRule | ErrorRule


@dataclass(frozen=True, eq=False)
class KernelKnobs:
    """What the programs in the kernel need to know to wake user space for every match."""

    threshold_ns: Nanoseconds
    """(32,): the lowest of all latency rules."""
    emergency_ns: Nanoseconds
    """(32,): the lowest of all latency rules."""
    tracked_errors: NDArray[np.uint64]
    """(64,): bit e % 64 of word e // 64 for errno e; at least all that any error rule matches."""
    matching_only: bool
    """Whether operations that match nothing are left out of the event log."""


def rules(config: Config) -> tuple[Rule, ...]:
    """One rule per anomaly, in the order of the file."""
    return tuple(
        _latency_rule(config, name, anomaly)
        if isinstance(anomaly, schema.Latency)
        else _error_rule(config, name, anomaly)
        for name, anomaly in config.guardian.anomalies.items()
    )


def matches(rule: Rule, events: Events) -> Mask:
    """(n,): which records count for the rule."""
    if isinstance(rule, LatencyRule):
        return _slow(rule, events)
    return _failed(rule, events)


def emergencies(rule: Rule, events: Events) -> Mask:
    """(n,): which records declare the rule's anomaly on their own; a subset of `matches`."""
    if isinstance(rule, ErrorRule):
        return np.zeros(len(events), np.bool_)
    found: Mask = events["latency_ns"] > rule.floor_ns
    few = np.flatnonzero(found)
    found[few] = _reaches(rule, events["latency_ns"][few], events["command"][few])
    return found


def kernel_knobs(config: Config) -> KernelKnobs:
    """The kernel's side of `rules`."""
    made = rules(config)
    slow = [rule for rule in made if isinstance(rule, LatencyRule)]
    never = np.full(COMMANDS, NEVER_NS, np.uint64)
    errnos = np.zeros(ERRNOS, np.bool_)
    for rule in made:
        if isinstance(rule, ErrorRule):
            errnos |= rule.verdicts.possible_errnos()
    return KernelKnobs(
        threshold_ns=np.minimum.reduce([never, *(rule.threshold_ns for rule in slow)]),
        emergency_ns=np.minimum.reduce([never, *(rule.emergency_ns for rule in slow)]),
        tracked_errors=np.packbits(errnos, bitorder="little").view("<u8").astype(np.uint64),
        matching_only=config.recorder is schema.Recorder.MATCHING,
    )


def _latency_rule(config: Config, name: str, anomaly: schema.Latency) -> LatencyRule:
    own = {
        Command[entry.command]: entry.threshold
        for entry in anomaly.track_commands
        if entry.threshold is not None
    }
    threshold_ns = np.full(COMMANDS, NEVER_NS, np.uint64)
    for command in watched_commands(anomaly):
        threshold_ns[command] = _nanoseconds(own.get(command, anomaly.default_threshold_ms) / 1e3)
    return LatencyRule(
        name=name,
        threshold_ns=threshold_ns,
        emergency_ns=_emergencies_ns(anomaly, threshold_ns),
        acceptable_count=anomaly.acceptable_count,
        window_ns=_nanoseconds(config.watch_interval_sec),
        cooldown_ns=_nanoseconds(anomaly.cooldown_sec),
        actions=schema.effective_actions(config, anomaly),
    )


def watched_commands(anomaly: schema.Latency) -> frozenset[Command]:
    """The commands whose latency the anomaly looks at."""
    tracked = frozenset(Command[entry.command] for entry in anomaly.track_commands)
    if anomaly.mode is Mode.TRACKONLY:
        return tracked
    by_default = frozenset(Command) - LEFT_OUT.keys()
    if anomaly.mode is Mode.EXCLUDEONLY:
        by_default -= {Command[command] for command in anomaly.exclude_commands}
    return by_default | tracked


def _emergencies_ns(anomaly: schema.Latency, threshold_ns: Nanoseconds) -> Nanoseconds:
    if anomaly.emergency_threshold_ms is None:
        return np.full(COMMANDS, NEVER_NS, np.uint64)
    emergency_ns = np.uint64(_nanoseconds(anomaly.emergency_threshold_ms / 1e3))
    watched = threshold_ns != NEVER_NS
    emergencies_ns = threshold_ns.copy()
    emergencies_ns[watched] = np.maximum(threshold_ns[watched] + np.uint64(1), emergency_ns)
    return emergencies_ns


def _error_rule(config: Config, name: str, anomaly: schema.Error) -> ErrorRule:
    return ErrorRule(
        name=name,
        verdicts=Verdicts.of(
            tracked=anomaly.track_codes,
            excluded=anomaly.exclude_codes if anomaly.mode is Mode.EXCLUDEONLY else (),
            by_default=anomaly.mode is not Mode.TRACKONLY,
        ),
        acceptable_count=anomaly.acceptable_count,
        window_ns=_nanoseconds(config.watch_interval_sec),
        cooldown_ns=_nanoseconds(anomaly.cooldown_sec),
        actions=schema.effective_actions(config, anomaly),
    )


def _slow(rule: LatencyRule, events: Events) -> Mask:
    """Nearly all operations are fast: one comparison for all, the tables for the few."""
    found: Mask = events["latency_ns"] > rule.floor_ns
    few = np.flatnonzero(found)
    if few.size == 0:
        return found
    latency_ns, command = events["latency_ns"][few], events["command"][few]
    finished = (events["flags"][few] & IN_FLIGHT) == 0
    slow = finished & (latency_ns > rule.threshold_ns.take(command, mode="clip"))
    found[few] = slow | _reaches(rule, latency_ns, command)
    return found


def _reaches(rule: LatencyRule, latency_ns: Nanoseconds, command: NDArray[np.uint8]) -> Mask:
    emergency_ns = rule.emergency_ns.take(command, mode="clip")
    reached: Mask = (latency_ns >= emergency_ns) & (emergency_ns != NEVER_NS)
    return reached


def _failed(rule: ErrorRule, events: Events) -> Mask:
    """Most operations succeed: the tables are for the few that did not."""
    found: Mask = events["error"] != 0
    few = np.flatnonzero(found)
    if few.size == 0:
        return found
    finished = (events["flags"][few] & IN_FLIGHT) == 0
    found[few] = finished & rule.verdicts.count(
        events["status"][few], events["command"][few], events["error"][few]
    )
    return found


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
