"""Samples shared by the tests of what happens after a declaration."""

from typing import Any

import msgspec

from aod.anomaly import Anomaly, AnomalyType, Rule

TIMESTAMP = 1_700_000_000_123_456_789
_ANOMALY = Anomaly(
    anomaly=AnomalyType.LATENCY,
    timestamp=TIMESTAMP,
    name="latency",
    rule=Rule.COUNT,
    trigger_ns=5_000_000_000,
    window_ns=1_000_000_000,
    count=11,
    acceptable_count=10,
    suppressed=0,
    reason="11 operations slower than their threshold within 1 s",
    actions=(),
    worst=(),
)


def anomaly(**changes: Any) -> Anomaly:
    """An anomaly, changed where a test says so."""
    return msgspec.structs.replace(_ANOMALY, **changes)
