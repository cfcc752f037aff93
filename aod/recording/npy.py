"""Records in numpy's own format, read as a stream: `events.npy` of a bundle, or one's own."""

import tokenize
from collections.abc import Iterator
from typing import IO, Final

import numpy as np

from aod.event import EVENT_DTYPE, Events
from aod.recording.format import MAX_RECORDS, RECORD_BYTES, RecordingError

MAGIC: Final = b"\x93NUMPY"
_READERS: Final = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What numpy raises for a head that is no head: it is evaluated as Python.
_NO_HEAD: Final = (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError)


def npy_batches(file: IO[bytes]) -> Iterator[Events]:
    """The records of a file, from its position on: batches of (n,), n at most `MAX_RECORDS`.

    Raises RecordingError: it holds something else, or less than it says."""
    left = _count(file)
    while left:
        wanted = min(left, MAX_RECORDS)
        content = file.read(wanted * RECORD_BYTES)
        found = len(content) // RECORD_BYTES
        if found:
            yield np.frombuffer(content, EVENT_DTYPE, found)
        if found < wanted:
            raise RecordingError(f"cut: {left - found:,} of its records are missing")
        left -= wanted


def _count(file: IO[bytes]) -> int:
    try:
        version = np.lib.format.read_magic(file)
        shape, _, dtype = _READERS[version](file)
    except KeyError:
        raise RecordingError(f"version {version} of numpy's format is not supported") from None
    except _NO_HEAD as error:
        raise RecordingError(f"no file of numpy's: {error}") from error
    if dtype != EVENT_DTYPE or len(shape) != 1 or shape[0] < 0:
        raise RecordingError(f"{dtype} {shape}, not records (n,) of {EVENT_DTYPE}")
    return int(shape[0])
