"""An action's file: written as the output arrives, never larger than its cap."""

from enum import Enum
from pathlib import Path
from typing import Final

from aod.files import create

_CHUNK: Final = 1 << 16


class Keep(Enum):
    """Which end of an output that is larger than the cap is worth more."""

    START = "start"
    END = "end"
    """What was printed last, as in a log: it is nearest to the trigger."""


class FullError(Exception):
    """The file is full; whoever prints may stop."""


class Budget:
    """What all files of a bundle together may hold."""

    def __init__(self, max_bytes: int) -> None:
        self.left = max_bytes
        self.note = "the bundle is full: capture.max_bundle_mb"
        """Why there is no room, for the manifest."""
        self.ended = ""
        """Why the bundle is ended before its time, if it is."""

    def take(self, size: int) -> int:
        """How many of `size` bytes may be written; they are counted as if they were."""
        granted = min(size, self.left)
        self.left -= granted
        return granted

    def end(self, why: str) -> None:
        """From now on there is no room: the bundle is ended with what it has."""
        self.left = 0
        self.note = self.ended = why


class OutputFile:
    """A new file of at most `max_bytes`, and of what the bundle has left, not readable by others.

    With Keep.END it grows to twice that while it is written, and is cut to its end then: each byte
    is moved once at most, and nothing is held in memory.

    Written by the event loop itself: it goes to the page cache in pieces of 64 KiB, and a thread
    for each would cost more than it saves. Raises OSError: from any method, when the disk is full
    or the folder gone."""

    def __init__(self, path: Path, max_bytes: int, keep: Keep, budget: Budget) -> None:
        self._file, self._keep = create(path), keep
        self._max_bytes, self._budget = max_bytes, budget
        self._granted = self.size = 0
        self.truncated = False
        self.note = ""
        """Why its cap was lowered, if it was."""

    @property
    def why_full(self) -> str:
        """Why nothing that is written from now on will be kept; empty: it will."""
        starts = self._keep is Keep.START
        if starts and self.size >= self._max_bytes:
            return self.note or "the file is full"
        if not self._budget.left and (starts or not self._granted):
            return self._budget.note
        return ""

    def write(self, data: bytes) -> None:
        """Append.

        Raises FullError: the cap is reached (with Keep.END: there is no room at all); `data` was
        cut to fit."""
        if not data:
            return
        # The bundle is asked for room; where it has none, this file's cap is what it was given.
        wanted = max(0, min(self.size + len(data), self._max_bytes) - self._granted)
        granted = self._budget.take(wanted)
        self._granted += granted
        if granted < wanted:
            self._max_bytes, self.note = self._granted, self._budget.note
        kept = data if self._keep is Keep.END else data[: self._max_bytes - self.size]
        self._file.write(kept)
        self.size += len(kept)
        if self.size >= 2 * self._max_bytes:
            self._keep_end()
        if len(kept) < len(data) or not self._max_bytes:
            self.truncated = True
            raise FullError

    def close(self) -> None:
        """Cut to the cap, and close."""
        with self._file:
            if self.size > self._max_bytes:
                self._keep_end()

    def _keep_end(self) -> None:
        start = self.size - self._max_bytes
        for moved in range(0, self._max_bytes, _CHUNK):
            self._file.seek(start + moved)
            piece = self._file.read(min(_CHUNK, self._max_bytes - moved))
            self._file.seek(moved)
            self._file.write(piece)
        self._file.truncate(self._max_bytes)
        self._file.seek(self._max_bytes)
        self.size = self._max_bytes
        self.truncated = True
