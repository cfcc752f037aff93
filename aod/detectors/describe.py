"""From a declaration to the anomaly that people read: why, who, how much; the bundle's identity."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from aod import anomaly
from aod.anomaly import Anomaly, Breakdown, Operation, Part
from aod.detectors.api import Rule
from aod.detectors.window import MAX_TIMES, Declaration
from aod.detectors.words import operations, sentence, task, tree
from aod.event import Events
from aod.smb.peers import Names
from aod.text import text

MAX_WORST: Final = 10
MAX_EVIDENCE: Final = 64
"""Records that an anomaly carries; slowest first."""
MAX_PARTS: Final = 10
_SAID: Final = 3
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
    frame = rule.frame
    if declaration.rule is anomaly.Rule.EMERGENCY:
        return _emergency(rule, declaration, names)
    more = "more than " if declaration.count == MAX_TIMES else ""
    said = f"{more}{declaration.count:,} {rule.noun} within {frame.window_ns / 1e9:g} s,"
    said += f" {frame.acceptable_count:,} are acceptable: {_said(breakdown.commands)}"
    said += f"; on {_said(breakdown.trees)}; by {_said(breakdown.tasks)}"
    (worst,) = operations(evidence[:1], names)
    grounds = rule.grounds(evidence[0])
    return f"{said}; worst: {sentence(worst)}{f', {grounds}' if grounds else ''}"


def _emergency(rule: Rule, declaration: Declaration, names: Names) -> str:
    """Of several that were found together, the slowest stands for all."""
    at_once = declaration.matched["end_ns"] == np.uint64(declaration.trigger_ns)
    found = slowest_first(declaration.matched[at_once])
    (operation,) = operations(found[:1], names)
    others = f", and {len(found) - 1} more like it" if len(found) > 1 else ""
    return f"{sentence(operation)}: {rule.grounds(found[0])}; on {tree(operation)}{others}"


def _said(parts: tuple[Part, ...]) -> str:
    """`SMB2_READ 7, SMB2_WRITE 4`; of one kind only, its name."""
    if len(parts) == 1:
        return parts[0].what
    rest = ", ..." if len(parts) > _SAID else ""
    return ", ".join(f"{part.what} {part.count:,}" for part in parts[:_SAID]) + rest
