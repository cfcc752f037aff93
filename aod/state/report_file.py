"""A small JSON file by which one process reports to others: written whole, read whole.

Its reader believes nothing: what is missing, too large or not of the declared type is the default.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from aod.files import read_regular, replace

T = TypeVar("T")


@dataclass(frozen=True)
class ReportFile(Generic[T]):
    """A report of one type under one name below the runtime folder."""

    name: str
    default: T
    decode: Callable[[bytes], T]
    encode: Callable[[T], bytes] = msgspec.json.encode
    max_bytes: int = 1 << 20

    def write(self, runtime_dir: Path, report: T) -> None:
        """Replace the file. Raises OSError: it cannot be written; the old one stays."""
        replace(runtime_dir / self.name, self.encode(report))

    def read(self, runtime_dir: Path) -> T:
        """The report of this folder; the default where there is none that can be read."""
        try:
            return self.decode(read_regular(runtime_dir / self.name, self.max_bytes))
        except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
            return self.default
