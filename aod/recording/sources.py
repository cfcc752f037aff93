"""Files of records, whatever made them: a recording, a bundle, the `events.npy` of one."""

import os
import tarfile
import tokenize
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final

import numpy as np
import zstandard
from msgspec import Struct

from aod.actions.table import ACTIONS
from aod.bundles import contents
from aod.event import EVENT_DTYPE, NO_EVENTS, Events, in_order, joined
from aod.files import open_regular
from aod.recording.format import (
    MAGIC,
    MAX_NS,
    MAX_RECORDS,
    RECORD_BYTES,
    Nanoseconds,
    RecordingError,
    unpack,
)
from aod.recording.reader import Recording
from aod.settings import ActionName
from aod.smb.peers import Names, parse_debugdata

SLACK_NS: Final = 100_000_000
"""Records that come this late are put where they belong; the others stay where they are."""

_ALLOWED: Final = "what `aod record` wrote, a bundle (aod_<timestamp>.tar.zst), its events.npy"
_DEBUGDATA: Final = {action.file for action in ACTIONS if action.name is ActionName.DEBUGDATA}
_NPY: Final = b"\x93NUMPY"
_NPY_HEADS: Final = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What numpy raises for a head that is no head: it is evaluated as Python.
_NO_HEAD: Final = (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError)
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_MAX_TEXT_BYTES: Final = 1 << 20
"""What is read of a bundle's small files."""
_MAX_WINDOW: Final = 1 << 27
"""zstd: the memory that level 19 takes."""
_READ_ERRORS: Final = (OSError, ValueError, EOFError, tarfile.TarError, zstandard.ZstdError)


@dataclass(frozen=True)
class Source:
    """Records, and what is known about them."""

    path: Path
    read: Callable[[], Iterator[Events]]
    """Begins at the beginning each time."""
    realtime_offset_ns: int = 0
    """Add this to a record's time to get ns since the epoch; 0: not known."""
    names: Names = field(default_factory=Names)
    recording: Recording | None = None
    """None for a file of another form."""

    def batches(self) -> Iterator[Events]:
        """The records in order of time, (n,) each; as often as it is called.

        Raises RecordingError: where the file is damaged; what comes before has been given."""
        return in_order_of_time(self._read())

    def _read(self) -> Iterator[Events]:
        with _errors_of(self.path):
            for events in self.read():
                if len(events) and events["end_ns"].max() > MAX_NS:
                    raise RecordingError("a record's time is one that no clock reaches")
                yield events


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The records in a file. Raises RecordingError: it cannot be read, or is something else."""
    with _errors_of(path):
        file = open_regular(path)
    with file:
        with _errors_of(path):
            source = _source(path, file)
        yield source


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    try:
        yield
    except RecordingError as error:
        raise RecordingError(f"{path}: {error}") from error
    except _READ_ERRORS as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RecordingError(f"{path}: cannot be read: {reason}") from error


def _source(path: Path, file: IO[bytes]) -> Source:
    begin = file.read(len(MAGIC))
    file.seek(0)
    if begin.startswith(_NPY):
        return Source(path, _npy_reader(file))
    if begin.startswith(_ZSTD):
        return _bundle(path, file)
    try:
        recording = Recording(file, os.fstat(file.fileno()).st_size)
    except RecordingError as error:
        raise RecordingError(f"{error}; allowed: {_ALLOWED}") from error
    head = recording.head
    return Source(path, recording.batches, head.realtime_offset_ns, recording.names, recording)


def _npy_reader(file: IO[bytes]) -> Callable[[], Iterator[Events]]:
    """Batch by batch if the file is in order, as a bundle's is; else all of it, sorted."""

    def read() -> Iterator[Events]:
        file.seek(0)
        return _npy_batches(file)

    return read if is_in_order(read()) else lambda: iter([in_order(joined(*read()))])


class _Declared(Struct, frozen=True):
    """What is needed of a bundle's anomaly.json."""

    timestamp: Nanoseconds
    trigger_ns: Nanoseconds


def _bundle(path: Path, file: IO[bytes]) -> Source:
    offset_ns, names = 0, Names()
    for name, content in _members(file):
        if name == contents.ANOMALY:
            declared = unpack(content.read(_MAX_TEXT_BYTES), _Declared, name)
            offset_ns = declared.timestamp - declared.trigger_ns
        elif name in _DEBUGDATA:
            names = parse_debugdata(content.read(_MAX_TEXT_BYTES).decode(errors="replace"))
    return Source(path, lambda: _bundled_events(file), offset_ns, names)


def _bundled_events(file: IO[bytes]) -> Iterator[Events]:
    for name, content in _members(file):
        if name == contents.EVENTS:
            return (yield from _npy_batches(content))
    raise RecordingError(f"a bundle without {contents.EVENTS}")


def _members(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """The files in a bundle, in their order; each is to be read before the next."""
    file.seek(0)
    unpacking = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
    with (
        unpacking.stream_reader(file, closefd=False) as stream,
        tarfile.open(fileobj=stream, mode="r|") as tar,
    ):
        for member in tar:
            if member.isfile() and (content := tar.extractfile(member)) is not None:
                yield PurePosixPath(member.name).name, content


def _npy_batches(file: IO[bytes]) -> Iterator[Events]:
    """Records in numpy's own format, read as a stream: batches of at most `MAX_RECORDS`.

    Raises RecordingError: it holds something else, or less than it says."""
    left = _npy_count(file)
    while left:
        wanted = min(left, MAX_RECORDS)
        content = file.read(wanted * RECORD_BYTES)
        found = len(content) // RECORD_BYTES
        if found:
            yield np.frombuffer(content, EVENT_DTYPE, found)
        if found < wanted:
            raise RecordingError(f"cut: {left - found:,} of its records are missing")
        left -= wanted


def _npy_count(file: IO[bytes]) -> int:
    try:
        version = np.lib.format.read_magic(file)
        shape, _, dtype = _NPY_HEADS[version](file)
    except KeyError:
        raise RecordingError(f"version {version} of numpy's format is not supported") from None
    except _NO_HEAD as error:
        raise RecordingError(f"no file of numpy's: {error}") from error
    if dtype != EVENT_DTYPE or len(shape) != 1 or shape[0] < 0:
        raise RecordingError(f"{dtype} {shape}, not records (n,) of {EVENT_DTYPE}")
    return int(shape[0])


def in_order_of_time(batches: Iterable[Events]) -> Iterator[Events]:
    """The records sorted by `in_order`; the last `SLACK_NS` are held back until more arrive.

    Raises RecordingError: as `batches` does; what came before has been given."""
    held, damage = NO_EVENTS, None
    try:
        for batch in batches:
            held = in_order(joined(held, batch))
            latest_ns = int(held["end_ns"][-1]) if len(held) else 0
            ready = int(np.searchsorted(held["end_ns"], np.uint64(max(0, latest_ns - SLACK_NS))))
            if ready:
                yield held[:ready]
                held = joined(held[ready:])
    except RecordingError as error:
        damage = error
    if len(held):
        yield held
    if damage:
        raise damage


def is_in_order(batches: Iterable[Events]) -> bool:
    """Whether no record ended before the one before it."""
    last_ns = 0
    for batch in batches:
        times = np.append(np.uint64(last_ns), batch["end_ns"])
        if (times[1:] < times[:-1]).any():
            return False
        last_ns = times[-1]
    return True
