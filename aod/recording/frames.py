"""The container of a recording: `MAGIC`, then frames one after the other, each of which is whole.

A frame is a head of 16 bytes (kind, bytes stored, bytes unpacked, CRC-32 of these and of what is
stored) and a zstd frame. Nothing refers to what comes later, so a writer that is killed leaves a
file in which at most the last frame is cut.
"""

import struct
import zlib
from collections.abc import Container, Iterator
from enum import Enum
from typing import IO, Final, NamedTuple

import zstandard

MAGIC: Final = b"AODREC1\n"
"""The digit is the version of the format."""
MAX_PLAIN: Final = 8 << 20
"""Bytes that a frame holds, unpacked; a reader needs no more memory than a few of these."""
MAX_STORED: Final = MAX_PLAIN + (MAX_PLAIN >> 8) + 64
"""Of what does not compress (ZSTD_COMPRESSBOUND)."""
LEVEL: Final = 1
"""zstd: of columns of records, level 3 saves 1 % and takes a third longer."""

_HEAD: Final = struct.Struct("<4sIII")
_SUMMED: Final = struct.Struct("<4sII")
"""What the checksum covers of it."""


class RecordingError(Exception):
    """A file that is no recording, or is damaged; the text says where, and what to do."""


class Kind(Enum):
    """What a frame holds."""

    HEAD = b"HEAD"
    NAMES = b"NAME"
    MARK = b"MARK"
    EVENTS = b"EVNT"


class Frame(NamedTuple):
    """A frame as it was read."""

    kind: Kind
    plain_bytes: int
    content: bytes
    """Unpacked; empty for a kind that was not asked for."""


_KINDS: Final = {kind.value: kind for kind in Kind}


def encode(kind: Kind, content: bytes) -> bytes:
    """A frame, as it lies in the file; `content` has at most `MAX_PLAIN` bytes."""
    stored = zstandard.ZstdCompressor(level=LEVEL).compress(content)
    head = _SUMMED.pack(kind.value, len(stored), len(content))
    return head + _checksum(head, stored) + stored


def _checksum(head: bytes, stored: bytes) -> bytes:
    return zlib.crc32(stored, zlib.crc32(head)).to_bytes(4, "little")


class Frames:
    """The frames of a file, from its beginning, up to where it is cut.

    Attributes:
        at: where the last whole frame ends that was read.
    """

    def __init__(self, file: IO[bytes], size: int, wanted: Container[Kind]):
        """Of kinds that are not `wanted` only the head is read."""
        self.at = len(MAGIC)
        self._file, self._size, self._wanted = file, size, wanted

    def __iter__(self) -> Iterator[Frame]:
        """The next frame; ends at one that is cut.

        Raises:
            RecordingError: what lies there is no frame.
        """
        while self._size - self.at >= _HEAD.size:
            self._file.seek(self.at)
            head = self._file.read(_HEAD.size)
            kind, stored_bytes, plain_bytes = self._validated(head)
            end = self.at + _HEAD.size + stored_bytes
            if end > self._size:
                return
            content = b""
            if kind in self._wanted:
                content = self._unpacked(head, self._file.read(stored_bytes), plain_bytes)
            self.at = end
            yield Frame(kind, plain_bytes, content)

    def _validated(self, head: bytes) -> tuple[Kind, int, int]:
        if len(head) < _HEAD.size:
            raise self._damaged("the file became shorter")
        name, stored_bytes, plain_bytes, _ = _HEAD.unpack(head)
        if name not in _KINDS:
            raise self._damaged("no frame begins there")
        if stored_bytes > MAX_STORED or plain_bytes > MAX_PLAIN:
            raise self._damaged(f"a frame of {plain_bytes} bytes; allowed: {MAX_PLAIN}")
        return _KINDS[name], stored_bytes, plain_bytes

    def _unpacked(self, head: bytes, stored: bytes, plain_bytes: int) -> bytes:
        if _checksum(head[: _SUMMED.size], stored) != head[_SUMMED.size :]:
            raise self._damaged("its checksum is wrong")
        try:
            if zstandard.get_frame_parameters(stored).content_size != plain_bytes:
                raise self._damaged("it has another size than it says")
            return zstandard.ZstdDecompressor().decompress(stored) if plain_bytes else b""
        except zstandard.ZstdError as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, why: str) -> RecordingError:
        return RecordingError(f"damaged at byte {self.at}: {why}")
