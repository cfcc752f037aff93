"""detect's report on its anomalies, for `aod status`, and how it is printed."""

from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.json import Decoder

from aod.anomaly import Operation
from aod.detectors.describe import sentence
from aod.detectors.detector import Episode
from aod.state import names
from aod.state.report_file import ReportFile

MAX_ENDED: Final = 16


class AnomalyReport(Struct, frozen=True):
    """The episodes of all anomalies, and hung operations that finished."""

    episodes: Annotated[tuple[Episode, ...], Meta(max_length=1024)] = ()
    """In the order of the configuration."""
    ended: Annotated[tuple[Operation, ...], Meta(max_length=MAX_ENDED)] = ()
    """The last operations that were reported as hung and then finished, oldest first."""


FILE: Final = ReportFile("detect/detect.json", AnomalyReport(), Decoder(AnomalyReport).decode)
"""In the folder that belongs to detect."""


def render(report: AnomalyReport, now_ns: int) -> list[str]:
    """Lines for a person; `now_ns` is CLOCK_MONOTONIC."""
    lines = [_line(episode, now_ns) for episode in report.episodes]
    if report.ended:
        lines += ["", "hung operations that finished"]
        lines += [f"  {sentence(operation)}" for operation in report.ended]
    return lines


def _line(episode: Episode, now_ns: int) -> str:
    if episode.fault:
        return f"{episode.name:<12} {episode.anomaly}: OFF, its rule failed: {episode.fault}"
    parts = [f"{episode.declared:,} declared"]
    if episode.last_timestamp:
        parts.append(f"last {names.folder(episode.last_timestamp)}")
    if now_ns < episode.quiet_until_ns:
        parts.append(f"cool-down for {(episode.quiet_until_ns - now_ns) / 1e9:.0f} s more")
    if suppressed := episode.suppressed + episode.suppressed_before:
        parts.append(f"{suppressed:,} suppressed, {episode.suppressed:,} of them since the last")
    if episode.hanging:
        parts.append(f"{episode.hanging:,} hanging")
    return f"{episode.name:<12} {episode.anomaly}: {'; '.join(parts)}"
