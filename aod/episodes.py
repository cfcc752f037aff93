"""How it stands with the anomalies: a small file that detect writes and `aod status` reads."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from aod.anomaly import Operation
from aod.detectors.detector import Episode
from aod.files import appearing, read_regular

NAME: Final = "detect.json"
MAX_BYTES: Final = 1 << 20
MAX_ENDED: Final = 16


class Report(Struct, frozen=True):
    """What detect knows."""

    episodes: tuple[Episode, ...] = ()
    """In the order of the configuration."""
    ended: tuple[Operation, ...] = ()
    """The last operations that had been told as hanging and ended, oldest first."""


def write(runtime_dir: Path, report: Report) -> None:
    """Replace the file.

    Raises:
        OSError: the folder cannot be written.
    """
    path = runtime_dir / NAME
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with appearing(path, unfinished) as file:
        file.write(msgspec.json.encode(report))


def read(runtime_dir: Path) -> Report:
    """The report of this folder; an empty one where there is none that can be read."""
    try:
        return msgspec.json.decode(read_regular(runtime_dir / NAME, MAX_BYTES), type=Report)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return Report()
