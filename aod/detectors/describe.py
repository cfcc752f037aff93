"""From a declaration to the anomaly that people read: why, who, how much; the bundle's identity."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from aod import anomaly
from aod.anomaly import Anomaly, Breakdown, Operation, Part
from aod.detectors.api import Rule
from aod.detectors.window import MAX_TIMES, Declaration
from aod.detectors.words import EVENT, operations, sentence, task, tree
from aod.event import CONNECTION, Events
from aod.smb.peers import Names
from aod.text import text

MAX_WORST: Final = 10
MAX_EVIDENCE: Final = 64
"""Records that an anomaly carries; slowest first."""
MAX_PARTS: Final = 10
_LISTED: Final = 3
"""Parts of the breakdown that the sentence has."""


def describe(
    rule: Rule, index: int, declaration: Declaration, realtime_offset_ns: int, names: Names
) -> Anomaly:
    """The anomaly of a declaration.

    Args:
        index: of the rule in the configuration; two anomalies that one record triggers differ by
            it in their timestamps.
        realtime_offset_ns: what makes a record's time ns since the epoch.
    """
    frame = rule.frame
    evidence = slowest_first(declaration.matched)[:MAX_EVIDENCE]
    breakdown = broken_down(operations(declaration.matched, names))
    return Anomaly(
        anomaly=frame.kind,
        timestamp=declaration.trigger_ns + realtime_offset_ns + index,
        name=frame.name,
        rule=declaration.rule,
        trigger_ns=declaration.trigger_ns,
        window_ns=frame.window_ns,
        count=declaration.count,
        acceptable_count=frame.acceptable_count,
        suppressed=declaration.suppressed,
        reason=text(_reason(rule, declaration, breakdown, evidence, names)),
        actions=frame.actions,
        worst=operations(evidence[:MAX_WORST], names),
        breakdown=breakdown,
        ended=operations(declaration.ended, names),
        evidence=evidence.tobytes(),
    )


def slowest_first(matched: Events) -> Events:
    """Records in order of time -> the slowest first, of equals the last one first."""
    return matched[matched["latency_ns"].argsort(kind="stable")[::-1]]


def broken_down(matched: Iterable[Operation]) -> Breakdown:
    """What the matches have in common."""
    matched = list(matched)
    return Breakdown(
        records=len(matched),
        commands=_parts(matched, lambda one: one.command),
        statuses=_parts(matched, lambda one: one.status or one.state),
        sessions=_parts(matched, lambda one: f"{one.session_id:#x}"),
        trees=_parts(matched, tree),
        tasks=_parts(matched, task),
    )


def _parts(matched: list[Operation], what: Callable[[Operation], str]) -> tuple[Part, ...]:
    counted = Counter(map(what, matched))
    ranked = sorted(counted.items(), key=lambda part: (-part[1], part[0]))
    return tuple(Part(name, count) for name, count in ranked[:MAX_PARTS])


def _reason(
    rule: Rule, declaration: Declaration, breakdown: Breakdown, evidence: Events, names: Names
) -> str:
    matched = declaration.matched
    if declaration.rule is anomaly.Cause.EMERGENCY:
        together = matched[matched["end_ns"] == np.uint64(declaration.trigger_ns)]
        others = f", and {len(together) - 1} more" if len(together) > 1 else ""
        return _one(rule, slowest_first(together)[:1], names) + others
    if declaration.count == 1:
        return _one(rule, evidence[:1], names)
    if (matched["flags"] & CONNECTION).all():
        return f"{_counted(rule, declaration)}: {_connection_events(matched, names)}"
    return (
        f"{_counted(rule, declaration)}: {_listed(breakdown.commands)}"
        f"; on {_listed(breakdown.trees)}; by {_listed(breakdown.tasks)}"
        f"; worst: {_explained(rule, evidence[:1], names)}"
    )


def _counted(rule: Rule, declaration: Declaration) -> str:
    """`11 slow operations in 1 s, limit 10`"""
    frame = rule.frame
    more = "more than " if declaration.count == MAX_TIMES else ""
    counted = f"{more}{declaration.count:,} {rule.noun} in {frame.window_ns / 1e9:g} s"
    return f"{counted}, limit {frame.acceptable_count:,}"


def _one(rule: Rule, event: Events, names: Names) -> str:
    r"""`SMB2_READ of cp[4321] took 45.5 ms, more than 20 ms; on \\files\home`"""
    (operation,) = operations(event, names)
    where = "" if operation.state == EVENT else f"; on {tree(operation)}"
    return _explained(rule, event, names) + where


def _explained(rule: Rule, event: Events, names: Names) -> str:
    """What happened, and why that matches."""
    (operation,) = operations(event, names)
    return ", ".join(filter(None, (sentence(operation), rule.grounds(event[0]))))


def _connection_events(matched: Events, names: Names) -> str:
    """`connection to files lost, reconnecting (2); session for ... (1)`"""
    counts = Counter(map(sentence, operations(matched, names)))
    rest = "; ..." if len(counts) > _LISTED else ""
    return "; ".join(f"{one} ({count:,})" for one, count in counts.most_common(_LISTED)) + rest


def _listed(parts: tuple[Part, ...]) -> str:
    """`SMB2_READ 7, SMB2_WRITE 4`; of one kind only, its name."""
    if len(parts) == 1:
        return parts[0].what
    rest = ", ..." if len(parts) > _LISTED else ""
    return ", ".join(f"{part.what} {part.count:,}" for part in parts[:_LISTED]) + rest
