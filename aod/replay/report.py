"""A replay in words: what is in the file, what would have been declared, and the totals."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from aod.anomaly import Anomaly, Cause
from aod.config.summary import WIDTH
from aod.detectors.describe import sentence
from aod.recording.sources import Source
from aod.replay.evaluation import Total
from aod.text import utc

MAX_ENDED: Final = 3
"""Ends of hung operations that are listed one by one."""
_BY: Final = {Cause.COUNT: "by count", Cause.EMERGENCY: "at once"}


def heading(source: Source) -> Iterator[str]:
    """What is known of the file before its records are read."""
    recording = source.recording
    if recording is None:
        yield f"{source.path}: no recording metadata"
        return
    head, last = recording.head, recording.last
    offset_ns = head.realtime_offset_ns
    begin, end = (utc(at + offset_ns, millis=True) for at in (head.start_ns, last.now_ns))
    seconds = (last.now_ns - head.start_ns) / 1e9
    dropped = f"{last.dropped:,} DROPPED" if last.dropped else "none dropped"
    yield f"{source.path}: {begin} to {end[11:]}, {seconds:,.1f} s"
    yield f"{recording.records:,} records, {dropped}; {head.program} on {head.host}, {head.kernel}"
    if last.dropped:
        yield "operations are missing, so counts may be too low"
    if not last.ended:
        yield "no end: the recorder was killed or is still recording"


def described(anomaly: Anomaly, source: Source, start_ns: int) -> Iterator[str]:
    """One anomaly in a few lines: when, which, why."""
    offset_ns = source.realtime_offset_ns
    clock = f"{utc(anomaly.trigger_ns + offset_ns, millis=True)}  " if offset_ns else ""
    since = _since(anomaly.trigger_ns - start_ns)
    yield f"{clock}{since}  {anomaly.anomaly} '{anomaly.name}', {_BY[anomaly.rule]}"
    yield from _indented(anomaly.reason)
    if anomaly.suppressed:
        triggers = "trigger" if anomaly.suppressed == 1 else "triggers"
        yield from _indented(f"{anomaly.suppressed:,} {triggers} suppressed before")
    for operation in anomaly.ended[:MAX_ENDED]:
        yield from _indented(f"hung operation finished before: {sentence(operation)}")
    if len(anomaly.ended) > MAX_ENDED:
        yield from _indented(f"{len(anomaly.ended) - MAX_ENDED} more hung operations finished")
    for other in anomaly.related:
        moment = _since(other.timestamp - offset_ns - start_ns)
        yield from _indented(f"same incident: {other.anomaly} '{other.name}' at {moment}")


def _since(passed_ns: int) -> str:
    return f"{passed_ns / 1e9:+,.3f} s"


def _indented(text: str) -> list[str]:
    lines = textwrap.wrap(text, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [f"    {line}" for line in lines]


def table(totals: Sequence[Total]) -> Iterator[str]:
    """The totals, a line for each anomaly of the configuration."""
    width = max(len("anomaly"), *(len(one.name) for one in totals))
    kinds = max(len("type"), *(len(one.anomaly) for one in totals))
    line = f"{{:<{width}}}  {{:<{kinds}}}{{:>10}}{{:>10}}{{:>9}}{{:>12}}{{:>9}}".format
    yield line("anomaly", "type", "declared", "by count", "at once", "suppressed", "hanging")
    for one in totals:
        counts = (one.declared, one.by_count, one.at_once, one.suppressed, one.hanging)
        yield line(one.name, one.anomaly, *(f"{count:,}" for count in counts))
