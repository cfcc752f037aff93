"""How it stands with the anomalies: a small file that detect writes and `aod status` reads."""

from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.json import Decoder

from aod.anomaly import Operation
from aod.detectors.describe import sentence
from aod.detectors.detector import Episode
from aod.state import names
from aod.state.report_file import ReportFile

MAX_ENDED: Final = 16


class Report(Struct, frozen=True):
    """What detect knows."""

    episodes: Annotated[tuple[Episode, ...], Meta(max_length=1024)] = ()
    """In the order of the configuration."""
    ended: Annotated[tuple[Operation, ...], Meta(max_length=MAX_ENDED)] = ()
    """The last operations that had been told as hanging and ended, oldest first."""


FILE: Final = ReportFile("detect/detect.json", Report(), Decoder(Report).decode)
"""In the folder that belongs to detect."""


def render(report: Report, now_ns: int) -> list[str]:
    """Lines for a person; `now_ns` is CLOCK_MONOTONIC."""
    lines = [_line(episode, now_ns) for episode in report.episodes]
    if report.ended:
        lines += ["", "hung, and ended"]
        lines += [f"  {sentence(operation)}" for operation in report.ended]
    return lines


def _line(episode: Episode, now_ns: int) -> str:
    if episode.fault:
        return f"{episode.name:<12} {episode.anomaly}: WATCHES NO MORE: {episode.fault}"
    said = [f"{episode.declared:,} declared"]
    if episode.last_timestamp:
        said.append(f"last {names.folder(episode.last_timestamp)}")
    if now_ns < episode.quiet_until_ns:
        said.append(f"cool-down for {(episode.quiet_until_ns - now_ns) / 1e9:.0f} s more")
    suppressed = episode.suppressed + episode.suppressed_before
    if suppressed:
        said.append(f"{suppressed:,} suppressed, {episode.suppressed:,} of them since the last")
    if episode.hanging:
        said.append(f"{episode.hanging:,} hanging")
    return f"{episode.name:<12} {episode.anomaly}: {'; '.join(said)}"
