"""What a detector is: the settings of an anomaly type, and the rule that they make.

A type of anomaly is a subclass of `Settings`, found by its entry point in the group
`aod.detectors`, ours as well (pyproject.toml). USAGE.md shows one in a package of its own."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from aod.event import CONNECTION, IN_FLIGHT, UNANSWERED, Events
from aod.kernel.thresholds import Mask, Thresholds
from aod.settings import DAY_SEC, ActionName, Count, Section

NOT_FINISHED: Final = IN_FLIGHT | CONNECTION | UNANSWERED
"""Flags of a record that is no finished operation."""


def finished(flags: NDArray[np.uint8]) -> Mask:
    """(n,): which records with these flags, (n,), are operations that got their answer."""
    found: Mask = (flags & NOT_FINISHED) == 0
    return found


class Finding(NamedTuple):
    """A fault or a doubt about an anomaly's section."""

    where: tuple[str | int, ...]
    """The key, relative to the section: `("track_codes", 2)`."""
    text: str


@dataclass(frozen=True)
class Frame:
    """What every rule has, whatever it matches."""

    kind: str
    """The `type` in the configuration."""
    name: str
    """The key under `guardian.anomalies`."""
    acceptable_count: int
    window_ns: int
    cooldown_ns: int
    actions: tuple[str, ...]


class Rule(ABC):
    """What one anomaly of the configuration matches. Pure: records in, masks out."""

    noun: str = "matching records"
    """Plural, for the sentence `11 ... in 1 s, limit 10`."""

    def __init__(self, frame: Frame):
        self.frame = frame

    @abstractmethod
    def matches(self, events: Events) -> Mask:
        """(n,): which records count."""

    def emergencies(self, events: Events) -> Mask:
        """(n,): which records declare the anomaly on their own; a subset of `matches`."""
        return np.zeros(len(events), np.bool_)

    def grounds(self, event: np.void) -> str:
        """Why this record matches, in a few words: `more than 20 ms`."""
        return ""

    def knobs(self) -> Thresholds:
        """What the kernel must wake user space for.

        Other records are evaluated with the next tick, 0.25 s later at most; with `recorder:
        matching` they are not recorded at all."""
        return Thresholds()

    def described(self) -> Iterator[tuple[str, str]]:
        """Lines of `--check`: a label of at most 13 letters, and the text beside it."""
        return iter(())


class Settings(Section, frozen=True, kw_only=True, tag_field="type", tag=True):
    """The keys that every anomaly has; a type adds its own, and the rule that they make.

    The class's name is the `type` of the configuration; `aod detectors` prints the first line of
    its docstring."""

    acceptable_count: Count = 10
    """More matches than this within `watch_interval_sec` declare the anomaly."""
    actions: tuple[ActionName, ...] = ()
    cooldown_sec: Annotated[float, Meta(ge=0, le=DAY_SEC)] = 60
    """How long further triggers are suppressed after a declaration; 0: all are captured."""

    def rule(self, frame: Frame) -> Rule:
        """The rule that these settings make."""
        raise NotImplementedError(f"{type(self).__name__} makes no rule")

    def faults(self) -> Iterator[Finding]:
        """What makes the section unusable, beyond its schema."""
        return iter(())

    def doubts(self) -> Iterator[Finding]:
        """What works, but perhaps not as meant."""
        return iter(())

    def thresholds_ms(self) -> Iterator[tuple[tuple[str | int, ...], float]]:
        """Latencies that must lie below the age at which an operation is unanswered, by key."""
        return iter(())


def kind_of(settings: type[Settings]) -> str:
    """Its `type` in the configuration."""
    return str(settings.__struct_config__.tag)


def nanoseconds(milliseconds: float) -> int:
    return round(milliseconds * 1e6)
