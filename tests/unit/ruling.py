"""Anomalies of a configuration, the rules that they make, and records for them."""

from collections.abc import Sequence

import numpy as np

from aod.config.rules import rules
from aod.config.schema import AnomalyConfig, Config, Guardian
from aod.detectors.api import Rule
from aod.event import EVENT_DTYPE, Events

MS = 1_000_000
FIELDS = ("latency_ns", "status", "error", "command", "flags")


def configured(**anomalies: AnomalyConfig) -> Config:
    """A configuration with these anomalies and nothing else of its own."""
    return Config(guardian=Guardian(anomalies=anomalies))


def only(anomaly: AnomalyConfig) -> Rule:
    """The rule of an anomaly."""
    (rule,) = rules(configured(it=anomaly))
    return rule


def stream(rows: Sequence[tuple[int, ...]]) -> Events:
    """Records of (latency_ns, status, error, command, flags)."""
    made = np.zeros(len(rows), EVENT_DTYPE)
    for field, column in zip(FIELDS, zip(*rows, strict=True), strict=False):
        made[field] = column
    return made
