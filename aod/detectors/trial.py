"""Tries a type's code when the configuration is loaded: what fails is a fault with its line, and
does not kill the detector when the first record comes."""

from collections.abc import Callable, Iterable
from errno import EIO
from itertools import product
from typing import Final

import numpy as np

from aod.detectors.api import Finding, Frame, Rule, Settings
from aod.event import CONNECTION, EVENT_DTYPE, IN_FLIGHT, UNANSWERED, Events
from aod.kernel.thresholds import merge
from aod.smb.commands import Command, ConnectionEvent
from aod.text import one_line

_LATENCY_NS: Final = 10**12


def findings(method: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a type finds in its settings; where its code fails, that."""
    try:
        return [Finding(*found) for found in method()]
    except Exception as error:  # another package's code may raise anything
        text = f"cannot be used: the code of its type fails: {type(error).__name__}: {error}"
        return [Finding((), one_line(text))]


def rule_faults(settings: Settings, frame: Frame) -> list[Finding]:
    """What makes the rule of these settings unusable, whatever the records are."""
    return findings(lambda: _try(settings.rule(frame)))


def _try(rule: Rule) -> tuple[Finding, ...]:
    """Call all that the daemon calls of a rule; raises if a result cannot be used."""
    records = _records()
    for events in (records[:0], records):
        _validate_mask("matches", rule.matches(events), events)
        _validate_mask("emergencies", rule.emergencies(events), events)
    _sentence = f"{rule.noun} {rule.grounds(records[0])}"
    merge([rule.knobs()], matching_only=False)
    _lines = [f"{label}{text}" for label, text in rule.described()]
    return ()


def _validate_mask(name: str, mask: object, events: Events) -> None:
    wanted = f"{name} must return an array of bool of shape {events.shape}"
    if not isinstance(mask, np.ndarray):
        raise TypeError(f"{wanted}, not {type(mask).__name__}")
    if mask.dtype != np.bool_ or mask.shape != events.shape:
        raise TypeError(f"{wanted}, not of {mask.dtype} and shape {mask.shape}")


def _records() -> Events:
    """One of each kind: every command, finished well or badly, in flight, unanswered; every
    connection event."""
    flags = product(Command, (0, IN_FLIGHT, UNANSWERED), (0, -EIO))
    kinds = [*flags, *product(ConnectionEvent, (CONNECTION,), (0, -EIO))]
    records = np.zeros(len(kinds), EVENT_DTYPE)
    records["command"], records["flags"], records["error"] = np.array(kinds).T
    records["end_ns"], records["latency_ns"], records["comm"] = 2 * _LATENCY_NS, _LATENCY_NS, b"cp"
    return records
