"""A sum that does not hold, and the report by which the supervisor publishes them."""

from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from aod.state.report_file import ReportFile

SUMS: Final = {
    "operations": ("operations started", "ended, given up, not tracked or in flight"),
    "records": (
        "operations finished or reported as unanswered",
        "records emitted, filtered or dropped",
    ),
    "ring": ("records emitted", "records that the ring took"),
    "read": ("bytes read from the ring", "bytes that it took"),
    "log": ("records in the event log", "records read from the ring or appended"),
    "evaluated": ("records evaluated or skipped", "records in the log that can be"),
    "skipped": ("records skipped", "records evaluated or skipped"),
    "anomalies": ("anomalies declared", "anomalies known to capture or on the way to it"),
    "outcomes": ("anomalies gone from the spool without an outcome", "allowed"),
}
"""By sum: what its left side counts, and its right side."""


class Violation(Struct, frozen=True, forbid_unknown_fields=True):
    """A sum that does not hold."""

    sum: str
    """Its name; aod(1) lists them all."""
    command: str
    """Empty: the sum is over all commands."""
    left: int
    right: int
    by: int
    """The difference, in what the sum counts."""
    since: str = ""
    """When it was first seen, UTC."""

    @property
    def key(self) -> tuple[str, str]:
        return self.sum, self.command


FILE: Final = ReportFile[tuple[Violation, ...]](
    "conservation.json", (), Decoder(tuple[Violation, ...]).decode
)
"""Written by the supervisor, for capture and for `aod status`."""


def sentence(one: Violation) -> str:
    """For a person."""
    left, right = SUMS.get(one.sum, ("left", "right"))
    of = f" of {one.command}" if one.command else ""
    return f"{one.sum}{of}: {one.left:,} {left}, but {one.right:,} {right}: off by {one.by:,}"
