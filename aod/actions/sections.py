"""Parts of one file that are written at the same time, and stand in it in their order."""

from aod.actions.output import FullError, OutputFile


class Sections:
    """The first part that is not finished goes to the file at once; those behind it wait in memory,
    together not more than the file may hold and a piece of each.

    Attributes:
        cut: the parts of which something was lost when they came to the file."""

    def __init__(self, file: OutputFile, count: int, max_bytes: int) -> None:
        self._file, self._max_bytes = file, max_bytes
        self._first = 0
        self._waiting = [bytearray() for _ in range(count)]
        self._waiting_bytes = 0
        self._finished: set[int] = set()
        self.cut: set[int] = set()

    @property
    def why_full(self) -> str:
        """Why nothing that is written from now on will be kept; empty: it will."""
        is_full = self._waiting_bytes > self._max_bytes
        return self._file.why_full or ("the file is full" if is_full else "")

    def write(self, index: int, data: bytes) -> None:
        """Append to a part.

        Raises FullError: there is no more room; `data` was cut, or will be.
        Raises OSError: the disk is full or the folder gone."""
        if index == self._first:
            self._file.write(data)
            return
        self._waiting[index] += data
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._max_bytes:
            raise FullError

    def finish(self, index: int) -> None:
        """Nothing more comes for a part; those that waited for it alone go to the file.

        Raises OSError: the disk is full or the folder gone."""
        self._finished.add(index)
        while self._first in self._finished:
            self._first += 1
            if self._first < len(self._waiting):
                self._flush(self._first)

    def _flush(self, index: int) -> None:
        waited, self._waiting[index] = self._waiting[index], bytearray()
        self._waiting_bytes -= len(waited)
        try:
            self._file.write(bytes(waited))
        except FullError:
            self.cut.add(index)
