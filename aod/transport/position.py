"""The files of the event log; and of them, the one that says how far detect has read.

detect alone writes that. Its readers validate what they find: detect may have fewer rights."""

import os
from contextlib import closing
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple, Self

from aod.files import create_whole, open_trusted

LOG_NAME: Final = "events.log"
POSITION_NAME: Final = "detect.position"
_SEQ: Final = Struct("<Q")
_SLOT: Final = Struct("<6Q")
_USED: Final = _SEQ.size + 2 * _SLOT.size


class EventLogError(Exception):
    """A file that is no event log of this version, or not ours."""


class OtherVersionError(EventLogError):
    """An event log that another version of this program made."""


def open_ours(path: Path, writable: bool) -> int:
    """A descriptor of a regular file that this user or root owns; links are not followed. Raises
    EventLogError: it is something else, or cannot be opened."""
    try:
        return open_trusted(path, (0, os.geteuid()), flags=os.O_RDWR if writable else os.O_RDONLY)
    except OSError as error:
        why = error.strerror or f"not a regular file of user 0 or {os.geteuid()}"
        raise EventLogError(f"{path}: {why}") from error


class Evaluated(NamedTuple):
    """What detect has made of the log, as it claims."""

    position: int = 0
    """Evaluated or skipped up to here."""
    skipped: int = 0
    """Records that were gone before detect came to read them."""
    declared: int = 0
    """Anomalies."""
    unspooled: int = 0
    """Of them, those that are not in the spool: only a message could carry them."""
    refused: int = 0
    """Of those, the ones without a bundle: too many waited, or no message could be sent."""
    settled_ns: int = 0
    """Up to then, in CLOCK_MONOTONIC, what waits for its time was declared without a record."""


class ReadPosition:
    """The file; committed like the log's own position: the slot that is not in use is filled, then
    the number before the slots moves by one. It is never mapped: its writer could truncate it,
    which would kill a reader that has it mapped."""

    def __init__(self, fd: int):
        self._fd = fd

    @classmethod
    def open(cls, runtime_dir: Path, start: int = 0) -> Self:
        """To write. Where there is no file, one is made whose position is `start`: the records
        before that count as skipped. Raises EventLogError: the file is not ours."""
        path = runtime_dir / POSITION_NAME
        try:
            position = cls(create_whole(path, 4096))
        except FileExistsError:
            return cls(open_ours(path, writable=True))
        position.commit(Evaluated(start, start))
        return position

    @classmethod
    def reader(cls, runtime_dir: Path) -> Self:
        """To read only. Raises EventLogError: there is no file, or it is not ours."""
        return cls(open_ours(runtime_dir / POSITION_NAME, writable=False))

    def get(self) -> Evaluated:
        """What was committed last; all zeros where the file was truncated."""
        page = self._read()
        for _ in range(16):  # until two reads are equal: no write came in between
            before, page = page, self._read()
            if before == page:
                break
        (seq,) = _SEQ.unpack_from(page)
        return Evaluated(*_SLOT.unpack_from(page, _slot_at(seq)))

    def commit(self, evaluated: Evaluated) -> None:
        """All of it at once, whenever this process is killed."""
        (seq,) = _SEQ.unpack_from(self._read())
        following = (seq + 1) % (1 << 64)
        slot = _SLOT.pack(*(number % (1 << 64) for number in evaluated))
        os.pwrite(self._fd, slot, _slot_at(following))
        os.pwrite(self._fd, _SEQ.pack(following), 0)

    def _read(self) -> bytes:
        return os.pread(self._fd, _USED, 0).ljust(_USED, b"\0")

    def close(self) -> None:
        os.close(self._fd)


def _slot_at(seq: int) -> int:
    return _SEQ.size + seq % 2 * _SLOT.size


def read_evaluated(runtime_dir: Path) -> Evaluated:
    """What detect claims in this folder; all zeros where there is no such file of ours."""
    try:
        with closing(ReadPosition.reader(runtime_dir)) as reader:
            return reader.get()
    except EventLogError:
        return Evaluated()


def write_limit(log_position: int, read_position: int, capacity: int) -> int | None:
    """Where the writer must stop so that no unread record is overwritten; None: the claim is false.

    A reader that claims to have read what was never written, or what is no longer there, is broken
    (or its file is), and does not stop the writer."""
    possible = log_position - capacity <= read_position <= log_position
    return read_position + capacity if possible else None
