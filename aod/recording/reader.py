"""Reads a recording, also one whose writer was killed, or still writes."""

from collections.abc import Iterator
from typing import IO

from msgspec.structs import replace

from aod.event import Events
from aod.recording.format import (
    MAGIC,
    RECORD_BYTES,
    Frame,
    Head,
    Kind,
    Mark,
    RecordingError,
    layout,
    read_frames,
    unpack,
    unpack_records,
)
from aod.smb.peers import Names, decode
from aod.text import printable


class Recording:
    """An opened recording; what it holds is found out first, without unpacking the records.

    Attributes:
        records: how many there are.
        names: the latest.
        last: the last mark; not `ended` if the writer was killed, or still writes.
        damage: what is wrong behind the last record that can be read; empty: nothing."""

    def __init__(self, file: IO[bytes], size: int):
        """Raises RecordingError where not even the head can be read."""
        self._file, self._size = file, size
        self.records = 0
        self.names = Names()
        self.damage = ""
        if (found := file.read(len(MAGIC))) != MAGIC:
            is_other = found[:-2] == MAGIC[:-2]
            raise RecordingError(
                "a recording in another version of the format" if is_other else "no recording"
            )
        frames = read_frames(file, size, {Kind.HEAD, Kind.NAMES, Kind.MARK})
        self.head = _read_head(next(frames, None))
        self.last = Mark(now_ns=self.head.start_ns)
        self._scan(frames)

    def _scan(self, frames: Iterator[Frame]) -> None:
        latest: dict[Kind, bytes] = {}
        try:
            for kind, plain_bytes, content, _ in frames:
                latest[kind] = content
                if kind is Kind.EVENTS:
                    self.records += plain_bytes // RECORD_BYTES
        except RecordingError as error:
            self.damage = str(error)
        if mark := latest.get(Kind.MARK):
            self.last = unpack(mark, Mark, "mark")
        if names := latest.get(Kind.NAMES):
            try:
                self.names = decode(names)
            except ValueError as error:
                raise RecordingError(str(error)) from error

    def batches(self) -> Iterator[Events]:
        """The records as they were written, (n,) each; as often as it is called.

        Raises RecordingError: where it is damaged; what comes before has been given."""
        for frame in read_frames(self._file, self._size, {Kind.EVENTS}):
            if frame.kind is Kind.EVENTS:
                yield unpack_records(frame.content)


def _read_head(frame: Frame | None) -> Head:
    if frame is None:
        raise RecordingError("it ends before its first record: nothing was recorded")
    if frame.kind is not Kind.HEAD:
        raise RecordingError("it does not begin with its head")
    head = unpack(frame.content, Head, "head")
    shown = {  # what is for a person to read
        name: printable(getattr(head, name).encode(errors="replace"))
        for name in ("program", "host", "kernel", "config_file")
    }
    if head.layout != layout():
        raise RecordingError(f"its records have another layout: written by {shown['program']}")
    return replace(head, **shown)
