"""SUMMARY.txt: anomaly.json and manifest.json on one screen, for a person."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from aod.actions.result import Source, Status
from aod.anomaly import Anomaly, Cause, Operation, Part
from aod.bundles import contents
from aod.bundles.manifest import File, Manifest
from aod.conservation import violation
from aod.detectors.describe import IN_FLIGHT_STATE, NEVER_ANSWERED, sentence
from aod.state import names
from aod.text import one_line, utc

FILE: Final = contents.SUMMARY
WIDTH: Final = 80
LINES: Final = 24
"""Never more than this."""
_LABEL: Final = 10
"""Columns of the labels."""
_WORST: Final = 3
_OWN_FILES: Final = (contents.ANOMALY, contents.EVENTS, contents.STATS, FILE)
_HANGS: Final = ("debugdata.log", "stacks.log", "sockets.log", "dmesg.log", "events.npy")
_NOT_LOST: Final = frozenset({"unanswered", "gave_up"})
"""Operations without an answer: what follows the first failure of a compound, mostly."""
_READ_FIRST: Final = {
    "Latency": ("stats.json", "events.npy", "debugdata.log", "sockets.log", "system.log"),
    "Error": ("dmesg.log", "journalctl.log", "debugdata.log", "events.npy"),
    "Connection": ("dmesg.log", "journalctl.log", "sockets.log", "debugdata.log"),
}
"""By the kind of anomaly: the files that answer most questions, in that order."""


def text(manifest: Manifest, anomaly: Anomaly) -> str:
    """At most 24 lines of 80 columns, whatever names strangers have."""
    return "\n".join(
        [
            *_wrapped(_title(manifest, anomaly), WIDTH, 1),
            *_labelled("what", f"{anomaly.anomaly} '{anomaly.name}': {anomaly.reason}", 4),
            *_labelled("when", f"{utc(anomaly.timestamp, millis=True)} on {manifest.host}"),
            *_labelled("rule", _rule(anomaly)),
            *_labelled("where", _where(manifest, anomaly), 2),
            *_labelled("tasks", _parts(anomaly.breakdown.tasks)),
            *_worst(anomaly.worst),
            *_labelled("related", _related(manifest)),
            *_evidence(manifest),
            *_labelled("losses", _losses(manifest)),
            *_labelled("redacted", _redacted(manifest)),
            *_labelled("note", _note(manifest), 2),
            *_labelled("open first", ", ".join(_first(manifest, anomaly)), 1),
            "",
        ]
    )


def _labelled(label: str, content: str, lines: int = 1) -> list[str]:
    """The text in as many lines at most; none where there is no content."""
    wrapped = _wrapped(content, WIDTH - _LABEL - 1, lines)
    heads = (label, *[""] * lines)
    return [f"{head:{_LABEL}} {line}" for head, line in zip(heads, wrapped, strict=False)]


def _wrapped(content: str, width: int, lines: int) -> list[str]:
    return textwrap.wrap(
        one_line(content), width, max_lines=lines, placeholder=" ...", break_on_hyphens=False
    )


def _title(manifest: Manifest, anomaly: Anomaly) -> str:
    module = f"cifs {manifest.cifs.version}" if manifest.cifs.loaded else "cifs is not loaded"
    bundle = f"{names.folder(anomaly.timestamp)}, AODv2 {manifest.aod_version}"
    return f"{bundle}, Linux {manifest.kernel}, {module}"


def _rule(anomaly: Anomaly) -> str:
    window = f"{anomaly.window_ns / 1e9:g} s"
    rule = {
        Cause.COUNT: f"{anomaly.count:,} matches in {window}, limit {anomaly.acceptable_count:,}",
        Cause.EMERGENCY: "emergency: one operation is enough",
        Cause.MANUAL: "none: a person asked for this bundle",
    }[anomaly.rule]
    before = f"; {anomaly.suppressed:,} triggers suppressed before" if anomaly.suppressed else ""
    return rule + before


def _where(manifest: Manifest, anomaly: Anomaly) -> str:
    mounts = ", ".join(f"{mount.source} on {mount.mount_point}" for mount in manifest.mounts)
    mounted = f"mounted: {mounts}" if mounts else "no cifs file system is mounted"
    return "; ".join(part for part in (_parts(anomaly.breakdown.trees), mounted) if part)


def _parts(parts: Sequence[Part]) -> str:
    return ", ".join(f"{part.what} {part.count:,}" for part in parts)


def _worst(worst: Sequence[Operation]) -> Iterator[str]:
    for number, operation in enumerate(worst[:_WORST]):
        yield from _labelled("" if number else "worst", sentence(operation))


def _related(manifest: Manifest) -> str:
    return ", ".join(f"{names.folder(one.timestamp)} ({one.name})" for one in manifest.related)


def _evidence(manifest: Manifest) -> list[str]:
    """What is there, and what is missing or incomplete."""
    events = manifest.events
    operations = f"{events.records:,} operations ({events.before_trigger:,} before the trigger)"
    missing = list(dict.fromkeys(filter(None, (events.note, *_missing(manifest.sources)))))
    whole = [
        file.name
        for file in manifest.files
        if file.name not in _OWN_FILES and _statuses(file, manifest.sources) <= {Status.OK}
    ]
    return [
        *_labelled("evidence", ", ".join((operations, *whole)), 2),
        *_labelled("missing", "; ".join(missing) or "nothing", 3),
    ]


def _statuses(file: File, sources: Iterable[Source]) -> set[Status]:
    return {source.status for source in sources if source.file == file.name}


def _missing(sources: Iterable[Source]) -> Iterator[str]:
    for source in sources:
        if source.status is not Status.OK:
            status = source.status.replace("_", " ")
            yield f"{source.name} {status}{f': {source.note}' if source.note else ''}"


def _losses(manifest: Manifest) -> str:
    lost = {
        reason: count
        for reason, count in manifest.losses.items()
        if count and reason not in _NOT_LOST
    }
    counted = ", ".join(f"{reason} {count:,}" for reason, count in lost.items()) or "none counted"
    wrong = "; ".join(map(violation.sentence, manifest.conservation))
    return f"{counted}; NOT COUNTED: {wrong}" if wrong else counted


def _redacted(manifest: Manifest) -> str:
    found = ", ".join(f"{one.kind} {one.names:,}" for one in manifest.redacted if one.names)
    return found or ("no names were found" if manifest.redacted else "")


def _note(manifest: Manifest) -> str:
    count = manifest.interrupted
    times = "once" if count == 1 else f"{count} times"
    interrupted = f"capture was interrupted {times} and finished it later" if count else ""
    return "; ".join(part for part in (manifest.note, interrupted) if part)


def _first(manifest: Manifest, anomaly: Anomaly) -> list[str]:
    hangs = any(one.state in (IN_FLIGHT_STATE, NEVER_ANSWERED) for one in anomaly.worst)
    wanted = _HANGS if hangs else _READ_FIRST.get(anomaly.anomaly, _HANGS)
    usable = {
        file.name
        for file in manifest.files
        if file.bytes and _statuses(file, manifest.sources) != {Status.MISSING}
    }
    return [contents.ANOMALY, *(name for name in wanted if name in usable)][:4]
