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


class OutputFile:
    """A new file of at most `max_bytes`, not readable by others.

    With Keep.END it grows to twice that while it is written, and is cut to its end then: each byte
    is moved once at most, and nothing is held in memory.

    Written by the event loop itself: it goes to the page cache in pieces of 64 KiB, and a thread
    for each would cost more than it saves.

    Raises:
        OSError: from any method, when the disk is full or the folder gone.
    """

    def __init__(self, path: Path, max_bytes: int, keep: Keep) -> None:
        self._file = create(path)
        self._keep = keep
        self._max_bytes = max_bytes
        self.size = 0
        self.truncated = False

    def write(self, data: bytes) -> None:
        """Append.

        Raises:
            FullError: the cap is reached (Keep.START only); `data` was cut to fit.
        """
        if self._keep is Keep.END:
            self._append(data)
            if self.size >= 2 * self._max_bytes:
                self._keep_end()
            return
        room = self._max_bytes - self.size
        self._append(data[:room])
        if len(data) > room:
            self.truncated = True
            raise FullError

    def close(self) -> None:
        """Cut to the cap, and close."""
        with self._file:
            if self.size > self._max_bytes:
                self._keep_end()

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self.size += len(data)

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
