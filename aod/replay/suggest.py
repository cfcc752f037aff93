"""Thresholds from records: what each command takes, and which thresholds would have been silent.

Three passes over the records, in bounded memory: `aod.replay.percentiles` needs two of them, and
`aod.replay.thresholds` the third."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import numpy as np
from msgspec import UNSET
from msgspec.structs import replace

from aod.config.rules import frame
from aod.config.schema import Config
from aod.detectors.api import Rule, Settings, finished, nanoseconds
from aod.detectors.error import Error
from aod.detectors.latency import Latency, TrackedCommand
from aod.event import COMMANDS, CONNECTION, IN_FLIGHT, UNANSWERED, Events, without_own
from aod.recording.sources import Source
from aod.replay.percentiles import PER_MILLE, Coarse, Exact
from aod.replay.suggestion import CommandReport, StatusReport, Suggestion
from aod.replay.thresholds import (
    Comparison,
    Counting,
    candidates_ms,
    silent_alone_ms,
    silent_together_ms,
    tail,
)
from aod.smb.commands import PATIENCE, Command
from aod.smb.ntstatus import status_name

MAX_STATUSES: Final = 10
FEW: Final = 1000
"""Of fewer operations the percentile 99.9 is but the slowest."""

MAX_COUNTED_STATUSES: Final = 4096
"""Different ones that are counted apart; the others are counted together."""
OTHER_STATUSES: Final = -1

S = TypeVar("S", bound=Settings)


def timed(events: Events) -> Events:
    """The finished operations of known commands, but for our own."""
    known = events["command"] < len(Command)
    return without_own(events.compress(finished(events["flags"]) & known))


class Survey:
    """The first pass, which counts: how many of what kind, how slow, which failed how.

    Attributes:
        latencies: of finished operations, by command.
        emergencies: (32,), how many of them are emergencies of the latency rule.
        statuses: NTSTATUS of failed operations -> how many.
        counted: NTSTATUS -> how many of them the error rule counts."""

    def __init__(self, latency_rule: Rule, error_rule: Rule):
        self.records = self.in_flight = self.never_answered = self.connection_events = 0
        self.latencies = Coarse()
        self.emergencies = np.zeros(COMMANDS, np.int64)
        self.statuses: Counter[int] = Counter()
        self.counted: Counter[int] = Counter()
        self._latency_rule, self._error_rule = latency_rule, error_rule

    def add(self, events: Events) -> None:
        """Count these, (n,)."""
        flags = events["flags"]
        self.records += len(events)
        self.in_flight += int(np.count_nonzero(flags & IN_FLIGHT))
        self.never_answered += int(np.count_nonzero(flags & UNANSWERED))
        self.connection_events += int(np.count_nonzero(flags & CONNECTION))
        done = timed(events)
        self.latencies.add(done["command"], done["latency_ns"])
        urgent = done["command"].compress(self._latency_rule.emergencies(done))
        np.add.at(self.emergencies, urgent, 1)
        failed = done.compress(done["error"] != 0)
        if len(failed):
            self._count(self.statuses, failed)
            self._count(self.counted, failed.compress(self._error_rule.matches(failed)))

    def _count(self, counter: Counter[int], failed: Events) -> None:
        for status, count in zip(*np.unique(failed["status"], return_counts=True), strict=True):
            known = status in counter or len(counter) < MAX_COUNTED_STATUSES
            counter[int(status) if known else OTHER_STATUSES] += int(count)


def suggest(source: Source, config: Config, thresholds_ms: Sequence[float]) -> Suggestion:
    """Evaluate these thresholds, and others that may be suggested, for each command.

    Raises RecordingError: the file is damaged."""
    name, latency = _first(config, "latency", Latency)
    error_name, error = _first(config, "error", Error)
    survey = Survey(
        latency.rule(frame(config, name, latency)), error.rule(frame(config, error_name, error))
    )
    for events in source.batches():
        survey.add(events)
    reports = _reports(source, Counting(config, name, latency), survey, thresholds_ms)
    return Suggestion(
        anomaly=name,
        acceptable_count=latency.acceptable_count,
        window_sec=config.watch_interval_sec,
        cooldown_sec=latency.cooldown_sec,
        records=survey.records,
        finished=sum(one.count for one in reports),
        in_flight=survey.in_flight,
        never_answered=survey.never_answered,
        connection_events=survey.connection_events,
        commands=tuple(sorted(reports, key=lambda one: -one.count)),
        error_anomaly=error_name,
        failed=survey.statuses.total(),
        counted=survey.counted.total(),
        statuses=tuple(
            StatusReport(
                status="others" if status == OTHER_STATUSES else status_name(status),
                count=count,
                counted=survey.counted[status],
            )
            for status, count in survey.statuses.most_common(MAX_STATUSES)
        ),
        track_commands=_merged(latency, reports, config.unanswered_sec * 1000),
    )


def _first(config: Config, default_name: str, kind: type[S]) -> tuple[str, S]:
    """The first anomaly of a type; where the configuration has none, one with the defaults."""
    anomalies = config.guardian.anomalies.items()
    found = ((name, settings) for name, settings in anomalies if isinstance(settings, kind))
    return next(found, (default_name, kind()))


def _reports(
    source: Source, counting: Counting, survey: Survey, thresholds_ms: Sequence[float]
) -> list[CommandReport]:
    """What is known of each command that was seen."""
    seen = [command for command in Command if survey.latencies.count(command)]
    comparisons = {command: Comparison(counting, command, thresholds_ms) for command in seen}
    percentiles = _second_pass(source, survey, comparisons)
    floors_ns = {command: found[-1] for command, found in percentiles.items()}
    alone_ms, together_ms = _third_pass(source, counting, floors_ns)
    reports = []
    for command in seen:
        p50_ns, p99_ns, p999_ns = percentiles[command]
        report = CommandReport(
            command=command.name,
            count=survey.latencies.count(command),
            p50_ns=p50_ns,
            p99_ns=p99_ns,
            p999_ns=p999_ns,
            max_ns=int(survey.latencies.max_ns[command]),
            emergencies=int(survey.emergencies[command]),
            anomalies=comparisons[command].anomalies(),
            alone_ms=alone_ms.get(command),
            suggested_ms=together_ms.get(command),
            note=_reservation(counting.latency, command),
        )
        reports.append(report if report.note else replace(report, note=_note(report)))
    return reports


def _second_pass(
    source: Source, survey: Survey, comparisons: Mapping[Command, Comparison]
) -> dict[Command, list[int]]:
    """Feeds the comparisons; the exact percentiles in ns, in the order of `PER_MILLE`."""
    places = {
        command: [survey.latencies.place(command, share) for share in PER_MILLE]
        for command in comparisons
    }
    exact = Exact(place for some in places.values() for place in some)
    for done in map(timed, source.batches()):
        exact.add(done["command"], done["latency_ns"])
        for command, comparison in comparisons.items():
            comparison.feed(done.compress(done["command"] == command))
    return {command: [exact.value_ns(place) for place in some] for command, some in places.items()}


def _third_pass(
    source: Source, counting: Counting, floors_ns: Mapping[Command, int]
) -> tuple[dict[Command, float], dict[Command, float]]:
    """The lowest thresholds above these that are silent, alone and together."""
    below_ms = counting.config.unanswered_sec * 1000
    candidates = {
        command: candidates_ms(floor_ns, below_ms)
        for command, floor_ns in floors_ns.items()
        if not _reservation(counting.latency, command)
    }
    lowest_ns = {command: nanoseconds(some[0]) for command, some in candidates.items() if some}
    slow = tail(map(timed, source.batches()), lowest_ns)
    alone_ms = {
        command: ms
        for command, some in candidates.items()
        if (ms := silent_alone_ms(counting, command, some, slow)) is not None
    }
    return alone_ms, silent_together_ms(counting, alone_ms, slow, below_ms)


def _reservation(latency: Latency, command: Command) -> str:
    """Why no threshold is suggested, whatever the records say."""
    tracked = {entry.command for entry in latency.track_commands}
    if command.name in latency.exclude_commands:
        return "in exclude_commands"
    if command in PATIENCE and command.name not in tracked:
        return f"{PATIENCE[command].reason}; unchanged"
    return ""


def _note(report: CommandReport) -> str:
    if report.suggested_ms is None:
        return "no threshold below unanswered_sec would have been silent"
    notes = []
    if report.alone_ms is not None and report.suggested_ms > report.alone_ms:
        notes.append(f"{report.alone_ms:g} ms is enough alone, but not together with the others")
    if report.count < FEW:
        notes.append(f"only {report.count:,} operations")
    return "; ".join(notes)


def _merged(
    latency: Latency, reports: Sequence[CommandReport], below_ms: float
) -> tuple[TrackedCommand, ...]:
    """The present entries, with what is suggested in their place, and new ones."""
    entries = {entry.command: entry for entry in latency.track_commands}
    for report in reports:
        if report.suggested_ms is None:
            continue
        entry = entries.get(report.command, TrackedCommand(command=report.command))
        entry = replace(entry, threshold=report.suggested_ms)
        own_ms = entry.emergency_threshold_ms
        emergency_ms = latency.emergency_threshold_ms if own_ms is UNSET else own_ms
        if emergency_ms is not None and emergency_ms <= report.suggested_ms:
            # It would make every slow one an emergency.
            above_ns = max(nanoseconds(report.suggested_ms), report.max_ns)
            higher_ms = iter(candidates_ms(above_ns, below_ms))
            entry = replace(entry, emergency_threshold_ms=next(higher_ms, None))
        entries[report.command] = entry
    return tuple(entries.values())
