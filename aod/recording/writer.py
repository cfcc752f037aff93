"""Writes a recording: a new file, for its owner alone; a kill cuts off its end at most.

What was handed to the kernel by write(2) survives the writer, so frames are written whole and at
once; memory is that of one frame."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np
from msgspec import json

from aod.event import EVENT_DTYPE, Events
from aod.files import closing_fd, create_fd
from aod.recording.format import (
    MAGIC,
    MAX_RECORDS,
    Head,
    Kind,
    Mark,
    RecordingError,
    encode,
    pack_records,
)
from aod.smb.peers import Names
from aod.smb.peers import encode as encode_names


class RecordingWriteError(Exception):
    """The disk refuses; what was written before is whole."""


class Writer:
    """A recording that is being written.

    Attributes:
        records: how many were added.
        size_bytes: of the file."""

    def __init__(self, fd: int, path: Path):
        self.path = path
        self.records = self.size_bytes = 0
        self._fd = fd
        self._waiting = np.empty(MAX_RECORDS, EVENT_DTYPE)
        self._count = 0

    @classmethod
    def create(cls, path: Path, head: Head, *, replace: bool = False) -> Self:
        """Begin a new file; with `replace` an older one goes.

        Raises RecordingError: there is something of that name, or it cannot be made."""
        try:
            if replace:
                _remove_older(path)
            writer = cls(create_fd(path, 0o600), path)  # it names servers, shares and programs
        except FileExistsError:
            raise RecordingError(f"{path} is there already; --force replaces it") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise RecordingError(f"{path} cannot be made: {reason}") from error
        writer._write(MAGIC + encode(Kind.HEAD, json.encode(head)))
        return writer

    def add(self, events: Events) -> None:
        """Take records; they are written with the next `flush`, or when they fill a frame.

        Raises RecordingWriteError: the disk refuses."""
        while len(events):
            part = events[: MAX_RECORDS - self._count]
            self._waiting[self._count : self._count + len(part)] = part
            self._count += len(part)
            self.records += len(part)
            events = events[len(part) :]
            if self._count == MAX_RECORDS:
                self.flush()

    def flush(self) -> None:
        """Write what was added."""
        if self._count:
            self._write(encode(Kind.EVENTS, pack_records(self._waiting[: self._count])))
            self._count = 0

    def add_names(self, names: Names) -> None:
        """Write all names that are known now."""
        self._write(encode(Kind.NAMES, encode_names(names)))

    def mark(self, mark: Mark) -> None:
        """Write what was added, and how far that is."""
        self.flush()
        self._write(encode(Kind.MARK, json.encode(mark)))

    def close(self) -> None:
        """Sync and close the file."""
        with closing_fd(self._fd):
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise self._failed(error) from error

    def _write(self, frame: bytes) -> None:
        rest = memoryview(frame)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            with suppress(OSError):  # half a frame is cut off
                os.ftruncate(self._fd, self.size_bytes)
                os.lseek(self._fd, self.size_bytes, os.SEEK_SET)
            raise self._failed(error) from error
        self.size_bytes += len(frame)

    def _failed(self, error: OSError) -> RecordingWriteError:
        return RecordingWriteError(
            f"{self.path}: {error.strerror}; {self.size_bytes:,} bytes are whole"
        )


def _remove_older(path: Path) -> None:
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError("what is there is no regular file; name another one")
        path.unlink()
