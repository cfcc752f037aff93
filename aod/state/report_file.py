"""A small JSON file by which one process reports to others: written whole, read whole.

Its reader believes nothing: what is missing, too large or not of the declared type is the default.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from aod.files import read_regular, replace

T = TypeVar("T")
_MAX_BYTES: Final = 1 << 20


class ReportFile(Generic[T]):
    """A report of one type under one name.

    Attributes:
        name: of the file, below the runtime folder."""

    def __init__(
        self,
        name: str,
        default: T,
        decode: Callable[[bytes], T],
        encode: Callable[[T], bytes] = msgspec.json.encode,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        self.name = name
        self._default, self._decode, self._encode = default, decode, encode
        self._max_bytes = max_bytes

    def write(self, runtime_dir: Path, report: T) -> None:
        """Replace the file. Raises OSError: it cannot be written; the old one stays."""
        replace(runtime_dir / self.name, self._encode(report))

    def read(self, runtime_dir: Path) -> T:
        """The report of this folder; the default where there is none that can be read."""
        try:
            return self._decode(read_regular(runtime_dir / self.name, self._max_bytes))
        except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
            return self._default
