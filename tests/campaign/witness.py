"""A type of anomaly that declares nothing, and writes down which records detect evaluates.

Found by its entry point, as any other package's. The file is opened when the supervisor imports
this, so detect has it by inheritance, whatever it may open itself.
"""

import os
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from aod.detectors.api import Frame, Rule, Settings
from aod.event import Events
from aod.kernel.thresholds import Mask

VARIABLE: Final = "AOD_TEST_WITNESS"
"""Names the file."""
OF_THE_LOAD: Final = b"producer"
"""The name of the task in its records."""
_PACKAGE: Final = "aod_test_witness-1.dist-info"


class Batch(Struct, frozen=True):
    """A line of the file: what one call of the rule saw."""

    pid: int
    first: int
    """Mid of its first record."""
    last: int
    missing: tuple[tuple[int, int], ...]
    """[from, below) of mids between them that it did not see."""
    in_order: bool
    """Whether each mid was above the one before it."""


class Witness(Settings, frozen=True):
    """Writes down which records it is shown."""

    def rule(self, frame: Frame) -> "WitnessRule":
        return WitnessRule(frame)


class WitnessRule(Rule):
    """Matches nothing."""

    def matches(self, events: Events) -> Mask:
        if len(events) and events["comm"][0] == OF_THE_LOAD:  # else it is a trial of the rule
            os.write(_file, msgspec.json.encode(batch(events)) + b"\n")
        return np.zeros(len(events), np.bool_)


def batch(events: Events) -> Batch:
    """What is written of it."""
    mids = events["mid"].astype(np.int64)
    steps = np.diff(mids)
    gaps = np.flatnonzero(steps > 1)
    missing = tuple((int(mids[at]) + 1, int(mids[at + 1])) for at in gaps)
    return Batch(os.getpid(), int(mids[0]), int(mids[-1]), missing, bool((steps > 0).all()))


def install(folder: Path) -> None:
    """Make the folder one in which Python finds this type's entry point."""
    metadata = folder / _PACKAGE
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: aod-test-witness\nVersion: 1\n"
    )
    entry = f"[aod.detectors]\nWitness = {__name__}:Witness\n"
    (metadata / "entry_points.txt").write_text(entry)


def read(path: Path) -> list[Batch]:
    """What was written, in the order of the calls; the last line may be half of one, if its writer
    was killed."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line, type=Batch) for line in lines]


_flags: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_file: Final = os.open(os.environ[VARIABLE], _flags, 0o600) if VARIABLE in os.environ else -1
