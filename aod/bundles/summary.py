"""SUMMARY.txt: anomaly.json and manifest.json on one screen, for a person."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from aod.actions.result import Mount, Source, Status
from aod.actions.table import ACTIONS
from aod.anomaly import Anomaly, Cause, Part
from aod.bundles import contents
from aod.bundles.manifest import File, Manifest
from aod.conservation import violation
from aod.detectors.describe import IN_FLIGHT_STATE, NEVER_ANSWERED, sentence
from aod.settings import ActionName
from aod.state import names
from aod.text import one_line, utc

WIDTH: Final = 80
_LABEL: Final = 10
"""Columns of the labels."""
_WORST: Final = 3
_OWN_FILES: Final = (contents.ANOMALY, contents.EVENTS, contents.STATS, contents.SUMMARY)
_EACH_MOUNT: Final = frozenset(
    row.name for row in ACTIONS if any(command.each_mount for command in row.commands)
)
_ANSWERED: Final = "answered"
_HANGS: Final = ("debugdata.log", "stacks.log", "sockets.log", "dmesg.log", "events.npy")
_PACKETS: Final = "tcpdump.pcap"
_TRUST: Final = (
    "latencies are those of events.npy: Wireshark's smb2.time sees the first segment of a message"
)
_LOGS: Final = (ActionName.DMESG, ActionName.JOURNALCTL, ActionName.SYSLOGS)
_MOST_LINES: Final = 24
_PACKETS_LINES: Final = 3
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
    bundle = f"{names.folder(anomaly.timestamp)}, AODv2 {manifest.aod_version}"
    module = f"cifs {manifest.cifs.version}" if manifest.cifs.loaded else "cifs is not loaded"
    related = (f"{names.folder(one.timestamp)} ({one.name})" for one in manifest.related)
    redacted = ", ".join(f"{one.kind} {one.names:,}" for one in manifest.redacted if one.names)
    no_names = "no names were found" if manifest.redacted else ""
    packets = _packets(manifest)
    above = [
        *_wrapped(f"{bundle}, Linux {manifest.kernel}, {module}", WIDTH, 1),
        *_labelled("what", f"{anomaly.anomaly} '{anomaly.name}': {anomaly.reason}", lines=4),
        *_labelled("when", f"{utc(anomaly.timestamp, millis=True)} on {manifest.host}"),
        *_labelled("rule", _rule(anomaly)),
        *_labelled("where", _where(manifest, anomaly), lines=2),
        *_labelled("tasks", _parts(anomaly.breakdown.tasks)),
        *_labelled("worst", *map(sentence, anomaly.worst[: _WORST - bool(packets)])),
        *_labelled("related", ", ".join(related)),
        *_evidence(manifest),
    ]
    below = [
        *_labelled("losses", _losses(manifest)),
        *_labelled("redacted", redacted or no_names),
        *_labelled("note", _note(manifest), lines=2),
        *_labelled("open first", ", ".join(_first(manifest, anomaly))),
    ]
    room = min(_PACKETS_LINES, _MOST_LINES - len(above) - len(below))
    return "\n".join((*above, *_labelled("packets", packets, lines=room), *below, ""))


def _labelled(label: str, *texts: str, lines: int = 1) -> list[str]:
    """The texts, each in as many lines at most; none where there is no content."""
    width = WIDTH - _LABEL - 1
    wrapped = [line for text in texts for line in _wrapped(text, width, lines)]
    return [f"{'' if at else label:{_LABEL}} {line}" for at, line in enumerate(wrapped)]


def _wrapped(content: str, width: int, lines: int) -> list[str]:
    return textwrap.wrap(
        one_line(content), width, max_lines=lines, placeholder=" ...", break_on_hyphens=False
    )


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
    mounts = ", ".join(map(_mount, manifest.mounts))
    mounted = f"mounted: {mounts}" if mounts else _none_mounted(anomaly)
    return "; ".join(filter(None, (_parts(anomaly.breakdown.trees), mounted)))


def _mount(mount: Mount) -> str:
    note = f" ({mount.note})" if mount.note else ""
    return f"{mount.source} on {mount.mount_point}{note}"


def _none_mounted(anomaly: Anomaly) -> str:
    """A container mounts in a namespace of its own, which capture does not see."""
    if anomaly.breakdown.trees:
        return "no cifs file system is mounted here: in another mount namespace, or no longer"
    return "no cifs file system is mounted"


def _parts(parts: Sequence[Part]) -> str:
    return ", ".join(f"{part.what} {part.count:,}" for part in parts)


def _evidence(manifest: Manifest) -> list[str]:
    """What is there, and what is missing or incomplete."""
    events = manifest.events
    operations = f"{events.records:,} operations ({events.before_trigger:,} before the trigger)"
    of_actions = (
        _incomplete([one for one in manifest.sources if one.name == name])
        for name in dict.fromkeys(one.name for one in manifest.sources)
    )
    incomplete = _grouped(chain.from_iterable(of_actions))
    lacking = (events.note, *incomplete, *_of_logs(manifest.sources))
    missing = dict.fromkeys(filter(None, lacking))
    whole = [
        file.name
        for file in manifest.files
        if file.name not in _OWN_FILES and _statuses(file, manifest.sources) <= {Status.OK}
    ]
    return [
        *_labelled("evidence", ", ".join((operations, *whole)), lines=2),
        *_labelled("missing", "; ".join(missing) or "nothing", lines=3),
    ]


def _of_logs(sources: Iterable[Source]) -> list[str]:
    """What logs that were read without a fault do not have."""
    whole = (one for one in sources if one.name in _LOGS and one.status is Status.OK)
    return [f"{one.name}: {one.note}" for one in whole if one.note]


def _incomplete(sources: Sequence[Source]) -> list[str]:
    """What an action did not get; of one that asks each mount, how many of them."""
    lacking = [one for one in sources if one.status is not Status.OK]
    if lacking and sources[0].name in _EACH_MOUNT and len(sources) > 1:
        counted = Counter({_ANSWERED: 0})
        counted.update(map(_outcome, sources))
        return [f"{sources[0].name}: {', '.join(f'{n} {what}' for what, n in counted.items())}"]
    return [
        f"{one.name} {_words(one.status)}{f': {one.note}' if one.note else ''}" for one in lacking
    ]


def _grouped(texts: Iterable[str]) -> list[str]:
    """What several actions have in common, once: `debugdata, stats abandoned: ...`."""
    names: dict[str, list[str]] = {}
    for text in texts:
        name, _, what = text.partition(" ")
        names.setdefault(what, []).append(name)
    return [f"{', '.join(dict.fromkeys(of))} {what}" for what, of in names.items()]


def _outcome(source: Source) -> str:
    """What became of one mount; what follows a colon in a note explains it."""
    if source.status is Status.OK:
        return _ANSWERED
    if source.status is Status.MISSING:
        return source.note.partition(":")[0]
    return _words(source.status)


def _words(status: Status) -> str:
    return status.replace("_", " ")


def _statuses(file: File, sources: Iterable[Source]) -> set[Status]:
    return {source.status for source in sources if source.file == file.name}


def _packets(manifest: Manifest) -> str:
    """What is known of the packets, and what may be read from them."""
    notes = [one.note for one in manifest.sources if one.name == ActionName.TCPDUMP]
    has_file = any(file.name == _PACKETS and file.bytes for file in manifest.files)
    return "; ".join((*notes, _TRUST)) if has_file else ""


def _losses(manifest: Manifest) -> str:
    lost = [(reason, n) for reason, n in manifest.losses.items() if n and reason not in _NOT_LOST]
    counted = ", ".join(f"{reason} {count:,}" for reason, count in lost) or "none counted"
    wrong = "; ".join(map(violation.sentence, manifest.conservation))
    return f"{counted}; NOT COUNTED: {wrong}" if wrong else counted


def _note(manifest: Manifest) -> str:
    count = manifest.interrupted
    times = "once" if count == 1 else f"{count} times"
    interrupted = f"capture was interrupted {times} and finished it later" if count else ""
    return "; ".join(filter(None, (manifest.note, interrupted)))


def _first(manifest: Manifest, anomaly: Anomaly) -> list[str]:
    hangs = any(one.state in (IN_FLIGHT_STATE, NEVER_ANSWERED) for one in anomaly.worst)
    wanted = _HANGS if hangs else _READ_FIRST.get(anomaly.anomaly, _HANGS)
    usable = {
        file.name
        for file in manifest.files
        if file.bytes and _statuses(file, manifest.sources) != {Status.MISSING}
    }
    return [contents.ANOMALY, *(name for name in wanted if name in usable)][:4]
