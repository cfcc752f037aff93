"""What the records of a file suggest, and its text: tables of 100 columns, YAML to paste."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, Struct

from aod.detectors.latency import TrackedCommand
from aod.replay.thresholds import plain


class CommandReport(Struct, frozen=True, kw_only=True):
    """One command."""

    command: str
    count: int
    """Finished operations."""
    p50_ns: int
    p99_ns: int
    p999_ns: int
    max_ns: int
    emergencies: int
    """Operations that the configuration declares at once, whatever the threshold."""
    anomalies: dict[str, int]
    """Threshold in ms -> how many it would have made for this command alone."""
    alone_ms: float | None
    """The lowest threshold that would have been silent for this command alone."""
    suggested_ms: float | None
    """The lowest threshold that would have been silent beside those of the other commands."""
    note: str
    """Why nothing is suggested, or what to think of it; may be empty."""


class StatusReport(Struct, frozen=True, kw_only=True):
    """Operations that failed with one NTSTATUS."""

    status: str
    count: int
    counted: int
    """By the error rule."""


class Suggestion(Struct, frozen=True, kw_only=True, tag="suggestion"):
    """All of it."""

    anomaly: str
    """The Latency anomaly whose counting was used, a key under `guardian.anomalies`."""
    acceptable_count: int
    window_sec: float
    cooldown_sec: float
    records: int
    finished: int
    in_flight: int
    never_answered: int
    connection_events: int
    commands: tuple[CommandReport, ...]
    """Most frequent first."""
    error_anomaly: str
    failed: int
    counted: int
    """Of the failed ones, by the rule of `error_anomaly`."""
    statuses: tuple[StatusReport, ...]
    """Most frequent first, ten at most."""
    track_commands: tuple[TrackedCommand, ...]
    """Of the anomaly, with what is suggested."""


_NAME: Final = 22
_COLUMNS: Final = 8
_INDENT: Final = " " * 6
"""Of a key of an anomaly, as in conf/aod.yaml."""


def render(found: Suggestion) -> Iterator[str]:
    """All of it, line by line."""
    yield (
        f"{found.finished:,} operations finished; reported in flight: {found.in_flight:,}; "
        f"unanswered: {found.never_answered:,}; connection events: {found.connection_events:,}"
    )
    for part in (_latencies, _comparisons, _failures, _notes, snippet):
        lines = list(part(found))
        yield from ("", *lines) if lines else ()


def _latencies(found: Suggestion) -> Iterator[str]:
    heads = "".join(f"{head:>10}" for head in ("p50", "p99", "p99.9", "max"))
    yield f"{'latency in ms':<{_NAME}}{'count':>12}{heads}{'suggested':>12}"
    for one in found.commands:
        values = (one.p50_ns, one.p99_ns, one.p999_ns, one.max_ns)
        columns = "".join(f"{value / 1e6:>10,.2f}" for value in values)
        suggested = "-"
        if one.suggested_ms is not None:
            suggested = f"{plain(one.suggested_ms)} ms{' *' if one.note else '  '}"
        yield f"{one.command:<{_NAME}}{one.count:>12,}{columns}{suggested:>12}".rstrip()


def _comparisons(found: Suggestion) -> Iterator[str]:
    window, pause = f"{found.window_sec:g} s", f"{found.cooldown_sec:g} s"
    yield (
        f"anomalies that a threshold would have made for the command alone, by the count of "
        f"'{found.anomaly}'"
    )
    yield f"(more than {found.acceptable_count:,} in {window}, cool-down {pause})"
    thresholds = list(found.commands[0].anomalies) if found.commands else []
    for first in range(0, len(thresholds), _COLUMNS):
        shown = thresholds[first : first + _COLUMNS]
        heads = [f"{threshold} ms" for threshold in shown]
        widths = [max(9, len(head) + 2) for head in heads]
        yield f"{'':<{_NAME}}" + "".join(map(str.rjust, heads, widths))
        for one in found.commands:
            counts = [f"{one.anomalies[threshold]:,}" for threshold in shown]
            yield f"{one.command:<{_NAME}}" + "".join(map(str.rjust, counts, widths))


def _failures(found: Suggestion) -> Iterator[str]:
    if not found.failed:
        return
    of_them = f"{found.counted:,} of them" if found.counted else "none of them"
    yield f"{found.failed:,} operations failed; '{found.error_anomaly}' counts {of_them}"
    yield f"{'status':<40}{'count':>12}{'counted':>12}"
    for one in found.statuses:
        yield f"{one.status:<40}{one.count:>12,}{one.counted:>12,}"


def _notes(found: Suggestion) -> Iterator[str]:
    for one in found.commands:
        if one.note:
            mark = "*" if one.suggested_ms is not None else "-"
            yield f"{mark} {one.command}: {one.note}"
    for one in found.commands:
        if one.emergencies:
            yield (
                f"! {one.command}: {one.emergencies:,} reached the emergency threshold, which "
                "declares whatever the threshold"
            )


def snippet(found: Suggestion) -> Iterator[str]:
    """The anomaly's `track_commands`, in the place of those that it has."""
    if not found.track_commands:
        yield "nothing to suggest"
        return
    notes = {one.command: f"  # {one.note}" for one in found.commands if one.note}
    yield f"# under guardian: anomalies: {found.anomaly}:"
    yield f"{_INDENT}track_commands:"
    for entry in found.track_commands:
        yield f"{_INDENT}  - command: {entry.command}"
        if entry.threshold is not None:
            yield f"{_INDENT}    threshold: {plain(entry.threshold)}{notes.get(entry.command, '')}"
        if entry.emergency_threshold_ms is not UNSET:
            emergency_ms = entry.emergency_threshold_ms
            shown = "null" if emergency_ms is None else plain(emergency_ms)
            yield f"{_INDENT}    emergency_threshold_ms: {shown}"
