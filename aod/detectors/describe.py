"""From a declaration to the anomaly that people read: words, names, the bundle's identity."""

import numpy as np

from aod.anomaly import Anomaly, AnomalyType, Operation, Rule
from aod.detectors.window import Declaration
from aod.event import IN_FLIGHT, Events
from aod.rules import LatencyRule
from aod.rules import Rule as DetectionRule
from aod.smb.commands import command_name
from aod.smb.errors import errno_name
from aod.smb.ntstatus import status_name

MAX_WORST = 10


def describe(
    rule: DetectionRule, index: int, declaration: Declaration, realtime_offset_ns: int
) -> Anomaly:
    """The anomaly of a declaration.

    Args:
        index: of the rule in the configuration; two anomalies that one record triggers differ by
            it in their timestamps.
        realtime_offset_ns: what makes a record's time ns since the epoch.
    """
    kind = AnomalyType.LATENCY if isinstance(rule, LatencyRule) else AnomalyType.ERROR
    worst = operations(declaration.evidence[:MAX_WORST])
    return Anomaly(
        anomaly=kind,
        timestamp=declaration.trigger_ns + realtime_offset_ns + index,
        name=rule.name,
        rule=declaration.rule,
        trigger_ns=declaration.trigger_ns,
        window_ns=rule.window_ns,
        count=declaration.count,
        acceptable_count=rule.acceptable_count,
        suppressed=declaration.suppressed,
        reason=_reason(kind, rule, declaration, worst),
        actions=rule.actions,
        worst=worst,
        evidence=declaration.evidence.tobytes(),
    )


def operations(events: Events) -> tuple[Operation, ...]:
    """Records in words."""
    return tuple(_operation(event) for event in events)


def _operation(event: np.void) -> Operation:
    in_flight = bool(event["flags"] & IN_FLIGHT)
    return Operation(
        command=command_name(int(event["command"])),
        latency_ns=int(event["latency_ns"]),
        end_ns=int(event["end_ns"]),
        session_id=int(event["session_id"]),
        tree_id=int(event["tree_id"]),
        mid=int(event["mid"]),
        pid=int(event["pid"]),
        comm=_printable(bytes(event["comm"])),
        status="" if in_flight else status_name(int(event["status"])),
        error=errno_name(-int(event["error"])) if event["error"] else "",
        in_flight=in_flight,
    )


def _printable(comm: bytes) -> str:
    """A task names itself: no line of a log begins where it likes."""
    text = comm.decode(errors="replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _reason(
    kind: AnomalyType,
    rule: DetectionRule,
    declaration: Declaration,
    worst: tuple[Operation, ...],
) -> str:
    what = "slow" if kind is AnomalyType.LATENCY else "failed"
    first = worst[0] if worst else None
    detail = f"; worst: {_in_words(first)}" if first else ""
    if declaration.rule is Rule.EMERGENCY:
        return f"one operation reached the emergency threshold{detail}"
    window_sec = rule.window_ns / 1e9
    return (
        f"{declaration.count} {what} operations within {window_sec:g} s, "
        f"{rule.acceptable_count} are acceptable{detail}"
    )


def _in_words(operation: Operation) -> str:
    state = "in flight for" if operation.in_flight else "took"
    outcome = f" and ended with {operation.status}" if operation.error else ""
    return (
        f"{operation.command} of {operation.comm}[{operation.pid}] "
        f"{state} {operation.latency_ns / 1e6:.1f} ms{outcome}"
    )
