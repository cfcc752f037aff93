"""Records and declarations in words: the anomaly that people read, and the bundle's identity."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from aod import anomaly
from aod.anomaly import Anomaly, Breakdown, Operation, Part
from aod.detectors.api import Rule
from aod.detectors.window import MAX_TIMES, Declaration
from aod.event import CONNECTION, IN_FLIGHT, UNANSWERED, Events
from aod.smb.commands import ConnectionEvent, command_name
from aod.smb.errors import errno_name
from aod.smb.ntstatus import status_name
from aod.smb.peers import Names
from aod.text import printable, text

FINISHED: Final = "finished"
IN_FLIGHT_STATE: Final = "in flight"
NEVER_ANSWERED: Final = "never answered"
EVENT: Final = "event"

_STATES: Final = {CONNECTION: EVENT, UNANSWERED: NEVER_ANSWERED, IN_FLIGHT: IN_FLIGHT_STATE}
"""By flag; the first that is set."""
_EVENTS: Final = {
    ConnectionEvent.RECONNECT.name: "connection to {} lost, reconnecting",
    ConnectionEvent.SEND_CUT.name: "connection to {} lost while sending, reconnecting",
    ConnectionEvent.SESSION_EXPIRED.name: "session for {} expired, new logon needed",
    ConnectionEvent.CREDIT_TIMEOUT.name: "{} granted no credits for too long",
    ConnectionEvent.CREDITS_SHORT.name: "{} granted too few credits for a compound request",
    ConnectionEvent.CONNECT_FAILED.name: "connection to {} failed",
}
MAX_WORST: Final = 10
MAX_EVIDENCE: Final = 64
"""Records that an anomaly carries; slowest first."""
MAX_PARTS: Final = 10
_LISTED: Final = 3
"""Parts of the breakdown that the sentence has."""


def operations(events: Events, names: Names) -> tuple[Operation, ...]:
    """Records in words."""
    return tuple(_operation(event, names) for event in events)


def _operation(event: np.void, names: Names) -> Operation:
    number, flags = int(event["command"]), int(event["flags"])
    session_id, tree_id = int(event["session_id"]), int(event["tree_id"])
    state = next((state for flag, state in _STATES.items() if flags & flag), FINISHED)
    of_connection = state == EVENT and number != ConnectionEvent.SESSION_EXPIRED
    return Operation(
        command=command_name(number),
        latency_ns=int(event["latency_ns"]),
        end_ns=int(event["end_ns"]),
        session_id=session_id,
        tree_id=tree_id,
        mid=int(event["mid"]),
        pid=int(event["pid"]),
        comm=printable(bytes(event["comm"])),
        status=status_name(int(event["status"])) if state == FINISHED else "",
        error=errno_name(-int(event["error"])) if event["error"] else "",
        state=state,
        share=names.server(session_id) if of_connection else names.share(session_id, tree_id),
    )


def task(operation: Operation) -> str:
    """`cp[4321]`"""
    return f"{operation.comm}[{operation.pid}]"


def tree(operation: Operation) -> str:
    r"""`\\host\share`, else the numbers."""
    if operation.share:
        return operation.share
    if operation.state == EVENT:
        return f"connection {operation.session_id:#x}"
    return f"tree {operation.tree_id:#x} of session {operation.session_id:#x}"


def sentence(operation: Operation) -> str:
    """What happened to it: `SMB2_READ of cp[4321] took 45.5 ms`."""
    latency = f"{operation.latency_ns / 1e6:,.1f} ms"
    subject = f"{operation.command} of {task(operation)}"
    if operation.state == FINISHED:
        outcome = f" and ended with {operation.status}" if operation.error else ""
        return f"{subject} took {latency}{outcome}"
    if operation.state == NEVER_ANSWERED:
        return f"{subject} ended without an answer after {latency}"
    if operation.state == IN_FLIGHT_STATE:
        return f"{subject} in flight for {latency}"
    peer = operation.share or f"unknown server ({operation.session_id:#x})"
    known = _EVENTS.get(operation.command)
    if operation.command == ConnectionEvent.SESSION_EXPIRED.name and operation.latency_ns:
        return f"session for {peer} expired, no new logon in {operation.latency_ns / 1e9:g} s"
    error = f" ({operation.error})" if operation.error else ""
    return (known.format(peer) if known else f"{operation.command}, {peer}") + error


def describe(
    rule: Rule, index: int, declaration: Declaration, realtime_offset_ns: int, names: Names
) -> Anomaly:
    """The anomaly of a declaration.

    Args:
        index: of the rule in the configuration; two anomalies that one record triggers differ by
            it in their timestamps.
        realtime_offset_ns: what makes a record's time ns since the epoch."""
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
        reason=text(_reason(rule, declaration, breakdown, names)),
        actions=frame.actions,
        worst=operations(evidence[:MAX_WORST], names),
        breakdown=breakdown,
        ended=operations(declaration.ended, names),
        evidence=evidence.tobytes(),
    )


def slowest_first(matched: Events) -> Events:
    """Records in order of time -> the slowest first, of equals the last one first."""
    return matched[matched["latency_ns"].argsort(kind="stable")[::-1]]


def broken_down(matched: Sequence[Operation]) -> Breakdown:
    """What the matches have in common."""
    return Breakdown(
        records=len(matched),
        commands=_parts(matched, lambda one: one.command),
        statuses=_parts(matched, lambda one: one.status or one.state),
        sessions=_parts(matched, lambda one: f"{one.session_id:#x}"),
        trees=_parts(matched, tree),
        tasks=_parts(matched, task),
    )


def _parts(matched: Sequence[Operation], what: Callable[[Operation], str]) -> tuple[Part, ...]:
    counted = Counter(map(what, matched))
    ranked = sorted(counted.items(), key=lambda part: (-part[1], part[0]))
    return tuple(Part(name, count) for name, count in ranked[:MAX_PARTS])


def _reason(rule: Rule, declaration: Declaration, breakdown: Breakdown, names: Names) -> str:
    r"""`11 slow operations in 1 s, limit 10: ...; worst: SMB2_READ of cp[4321] took 45.5 ms`, or of
    one: `SMB2_READ of cp[4321] took 45.5 ms, more than 20 ms; on \\files\home`."""
    matched, frame = declaration.matched, rule.frame
    emergency = declaration.rule is anomaly.Cause.EMERGENCY
    if emergency:
        matched = matched[matched["end_ns"] == np.uint64(declaration.trigger_ns)]
    slowest = slowest_first(matched)[:1]
    (worst,) = operations(slowest, names)
    explained = ", ".join(filter(None, (sentence(worst), rule.grounds(slowest[0]))))
    if emergency or declaration.count == 1:
        where = "" if worst.state == EVENT else f"; on {tree(worst)}"
        others = f", and {len(matched) - 1} more" if len(matched) > 1 else ""
        return f"{explained}{where}{others}"
    more = "more than " if declaration.count == MAX_TIMES else ""
    counted = f"{more}{declaration.count:,} {rule.noun} in {frame.window_ns / 1e9:g} s"
    limited = f"{counted}, limit {frame.acceptable_count:,}"
    if (matched["flags"] & CONNECTION).all():
        return f"{limited}: {_connection_events(matched, names)}"
    return (
        f"{limited}: {_listed(breakdown.commands)}; on {_listed(breakdown.trees)}"
        f"; by {_listed(breakdown.tasks)}; worst: {explained}"
    )


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
