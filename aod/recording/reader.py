"""Reads a recording, also one whose writer was killed, or still writes."""

from collections.abc import Iterator
from typing import IO

from msgspec.structs import replace

from aod.event import Events
from aod.recording.content import RECORD_BYTES, Head, Mark, layout, unpack, unpack_records
from aod.recording.frames import MAGIC, Frames, Kind, RecordingError
from aod.smb.peers import Names, decode
from aod.text import printable


class Recording:
    """An opened recording; what it holds is found out first, without unpacking the records.

    Attributes:
        records: how many there are.
        names: the last that were told.
        last: the last mark; not `ended` if the writer was killed, or still writes.
        damage: what is wrong behind the last record that can be read; empty: nothing.
    """

    def __init__(self, file: IO[bytes], size: int):
        """Raises RecordingError where not even the head can be read."""
        self._file, self._size = file, size
        self.records = 0
        self.names = Names()
        self.damage = ""
        _check_magic(file)
        frames = Frames(file, size, {Kind.HEAD, Kind.NAMES, Kind.MARK})
        self.head = _read_head(frames)
        self.last = Mark(now_ns=self.head.start_ns)
        self._survey(frames)

    def _survey(self, frames: Frames) -> None:
        names = mark = b""
        try:
            for kind, plain_bytes, content in frames:
                if kind is Kind.EVENTS:
                    self.records += plain_bytes // RECORD_BYTES
                names = content if kind is Kind.NAMES else names
                mark = content if kind is Kind.MARK else mark
        except RecordingError as error:
            self.damage = str(error)
        if mark:
            self.last = unpack(mark, Mark, "mark")
        if names:
            self.names = _decoded(names)

    def batches(self) -> Iterator[Events]:
        """The records as they were written, (n,) each; as often as it is called.

        Raises:
            RecordingError: where it is damaged; what comes before has been given.
        """
        for frame in Frames(self._file, self._size, {Kind.EVENTS}):
            if frame.kind is Kind.EVENTS:
                yield unpack_records(frame.content)


def _check_magic(file: IO[bytes]) -> None:
    found = file.read(len(MAGIC))
    if found == MAGIC:
        return
    if found[:-2] == MAGIC[:-2]:
        raise RecordingError("a recording in another version of the format")
    raise RecordingError("no recording")


def _read_head(frames: Frames) -> Head:
    frame = next(iter(frames), None)
    if frame is None:
        raise RecordingError("it ends before its first record: nothing was recorded")
    if frame.kind is not Kind.HEAD:
        raise RecordingError("it does not begin with its head")
    head = unpack(frame.content, Head, "head")
    if head.layout != layout():
        raise RecordingError(f"its records have another layout: written by {_clean(head.program)}")
    return replace(
        head,
        program=_clean(head.program),
        host=_clean(head.host),
        kernel=_clean(head.kernel),
        config_file=_clean(head.config_file),
    )


def _decoded(names: bytes) -> Names:
    try:
        return decode(names)
    except ValueError as error:
        raise RecordingError(str(error)) from error


def _clean(text: str) -> str:
    return printable(text.encode(errors="replace"))
