"""events.npy: a bundle's operations, sorted by their end, which become more while it is filled.

The file is replaced as a whole, and never is a whole one in memory."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

import numpy as np

from aod.bundles.evidence import Evidence, inserted, removed
from aod.bundles.manifest import Events as EventsInManifest
from aod.bundles.sorting import PIECE, Runs, nearly_sorted
from aod.event import EVENT_DTYPE, NO_EVENTS, Events
from aod.files import appearing

FILE: Final = "events.npy"
KEPT: Final = "from before an interruption"
_NPY: Final = (1, 0)
"""The version of the format that numpy writes for this dtype."""


class Operations:
    """The file in a bundle's folder. For one thread at a time."""

    def __init__(self, folder: Path, evidence: bytes, *, interrupted: bool) -> None:
        """Take over what a predecessor left, if the bundle was `interrupted`.

        Args:
            evidence: the records of the anomaly, which are added to those of the log."""
        self._path, self._unfinished = folder / FILE, folder / f".{FILE}.new"
        self._evidence = Evidence(evidence)
        self._kept = count(self._path) if interrupted else 0
        """How many a predecessor had, as long as they are more than ours."""
        self._ours: Path | None = None

    def add(self, pieces: Iterable[Events]) -> None:
        """Put these records of the log where they belong. Raises OSError: there is no room."""
        before = self._evidence.missing if self._ours else NO_EVENTS
        known = removed(read(self._ours), before) if self._ours else ()
        with TemporaryFile(dir=self._path.parent) as spill:
            runs = Runs(spill)
            for piece in nearly_sorted(chain(known, self._evidence.look_for(pieces))):
                runs.append(piece)
            missing = self._evidence.missing
            records = len(runs) + len(missing)
            ours = self._path.with_name(f".{FILE}") if records < self._kept else self._path
            with appearing(ours, self._unfinished, durable=False) as file:
                _write(file, records, inserted(runs.merged(), missing))
        self._ours = ours

    def described(self, trigger_ns: int, note: str = "") -> EventsInManifest:
        """Its entry in the manifest. Raises OSError: the file cannot be read.

        Args:
            note: on what was added."""
        records = before_trigger = 0
        first_ns = last_ns = None
        for piece in read(self._path):
            times = piece["end_ns"]
            first_ns, last_ns = int(times[0]) if first_ns is None else first_ns, int(times[-1])
            records += len(piece)
            before_trigger += int(np.count_nonzero(times < trigger_ns))
        return EventsInManifest(
            file=FILE,
            records=records,
            before_trigger=before_trigger,
            first_end_ns=first_ns,
            last_end_ns=last_ns,
            trigger_ns=trigger_ns,
            note=note if self._ours == self._path else KEPT,
        )


def count(path: Path) -> int:
    """How many records a file has that is ours, and whole; else 0."""
    with suppress(OSError, ValueError), path.open("rb") as file:
        records = _head(file)
        if path.stat().st_size == file.tell() + records * EVENT_DTYPE.itemsize:
            return records
    return 0


def read(path: Path) -> Iterator[Events]:
    """The records of a file that is ours, in pieces. Raises OSError, ValueError: it cannot be."""
    with path.open("rb") as file:
        for left in range(_head(file), 0, -PIECE):
            records = min(left, PIECE)
            yield np.frombuffer(file.read(records * EVENT_DTYPE.itemsize), EVENT_DTYPE, records)


def _head(file: IO[bytes]) -> int:
    """Read the head; how many records follow it. Raises ValueError: it is another head."""
    if np.lib.format.read_magic(file) == _NPY:
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype == EVENT_DTYPE and len(shape) == 1:
            return int(shape[0])
    raise ValueError(f"{file.name} holds no records")


def _write(file: IO[bytes], records: int, pieces: Iterable[Events]) -> None:
    """What numpy.save would write of them in one piece."""
    dtype = np.lib.format.dtype_to_descr(EVENT_DTYPE)
    head = {"descr": dtype, "fortran_order": False, "shape": (records,)}
    np.lib.format.write_array_header_1_0(file, head)
    for piece in pieces:
        file.write(piece.tobytes())
