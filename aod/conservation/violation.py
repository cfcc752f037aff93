"""A sum that does not hold, in words; and the file that tells the rest of the daemon of it."""

from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from aod.state.report_file import ReportFile

_WORDS: Final = {
    "operations": ("operations started", "ended, given up, not tracked or in flight"),
    "records": ("operations finished or told", "records made, left out or counted as dropped"),
    "ring": ("records made", "records that the ring took"),
    "read": ("bytes read from the ring", "bytes that it took"),
    "log": ("records in the event log", "records read from the ring, and our own"),
    "evaluated": ("records evaluated or skipped", "records in the log that can be"),
    "skipped": ("records skipped", "records evaluated or skipped"),
    "anomalies": ("anomalies declared", "anomalies known to capture or on the way to it"),
    "outcomes": ("anomalies gone from the spool without an outcome", "there may be"),
}
"""By sum: what is on its left, and on its right."""
SUMS: Final = tuple(_WORDS)


class Violation(Struct, frozen=True, forbid_unknown_fields=True):
    """A sum that does not hold."""

    sum: str
    """Its name; aod(1) lists them all."""
    command: str
    """Of which command; empty: the sum is of all."""
    left: int
    right: int
    by: int
    """How much is missing, or too much; in what the sum counts."""
    since: str = ""
    """When that was first seen, UTC."""

    @property
    def key(self) -> tuple[str, str]:
        return self.sum, self.command


FILE: Final = ReportFile[tuple[Violation, ...]](
    "conservation.json", (), Decoder(tuple[Violation, ...]).decode
)
"""Written by the supervisor, for capture and for `aod status`."""


def sentence(one: Violation) -> str:
    """For a person."""
    left, right = _WORDS.get(one.sum, ("left", "right"))
    of = f" of {one.command}" if one.command else ""
    return f"{one.sum}{of}: {one.left:,} {left}, but {one.right:,} {right}: off by {one.by:,}"
