"""events.npy: a bundle's operations, sorted by their end, which become more while it is filled.

The file is replaced as a whole, and never is a whole one in memory."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import IO, Final

import numpy as np

from aod.bundles.evidence import Evidence, inserted, removed
from aod.bundles.manifest import Events as EventsInManifest
from aod.bundles.sorting import PIECE, Runs, nearly_sorted
from aod.event import EVENT_DTYPE, Events
from aod.files import create

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
        self._path, self._hidden = folder / FILE, folder / f".{FILE}"
        self._sorted, self._merged = folder / f".{FILE}.sorted", folder / f".{FILE}.merged"
        self._evidence = Evidence(evidence)
        self._kept = count(self._path) if interrupted else 0
        """How many a predecessor had, as long as they are more than ours."""
        self._ours: Path | None = None

    def add(self, pieces: Iterable[Events]) -> None:
        """Put these records of the log where they belong.

        Raises OSError: they cannot be written; nothing is left of them then."""
        known: Iterable[Events] = ()
        if self._ours:
            known = removed(read(self._ours), self._evidence.missing)
        try:
            records, made = self._written(chain(known, self._evidence.look_for(pieces)))
            ours = self._hidden if records < self._kept else self._path
            self._ours = made.rename(ours)
        finally:
            for path in (self._sorted, self._merged):
                path.unlink(missing_ok=True)

    def _written(self, pieces: Iterable[Events]) -> tuple[int, Path]:
        """How many records these and the evidence are, and the new file that has them."""
        with create(self._sorted) as file:
            _write_head(file, 0)
            runs = Runs(file)
            for piece in nearly_sorted(pieces):
                runs.append(piece)
            missing = self._evidence.missing
            records = len(runs) + len(missing)
            if runs.are_in_order and not len(missing):
                file.seek(0)
                _write_head(file, records)
                return records, self._sorted
            with create(self._merged) as target:
                _write_head(target, records)
                for piece in inserted(runs.merged(), missing):
                    target.write(piece.data)
            return records, self._merged

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


def _write_head(file: IO[bytes], records: int) -> None:
    """As numpy.save does: with room for more digits, so that each head is as long as another."""
    dtype = np.lib.format.dtype_to_descr(EVENT_DTYPE)
    head = {"descr": dtype, "fortran_order": False, "shape": (records,)}
    np.lib.format.write_array_header_1_0(file, head)
