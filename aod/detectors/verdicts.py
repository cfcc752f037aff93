"""Which failed operations count for an error rule: by NTSTATUS, command and errno.

The server's word (NTSTATUS) goes before the client's (errno), and tracked before excluded:

1. a status named in `track_codes` counts, one named in `exclude_codes` does not;
2. an errno named in `track_codes` counts. EIO and EACCES (`errors.VAGUE`) do not reach a benign
   status: who tracks EIO does not mean the steps of a logon;
3. an errno named in `exclude_codes` does not count, nor does a benign status (`ntstatus.BENIGN`);
4. what is left counts, unless the mode is trackonly.
"""

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aod.event import COMMANDS, ERRNO_LIMIT
from aod.kernel.thresholds import Mask
from aod.smb import errors, ntstatus

Table: TypeAlias = NDArray[np.int8]

# What is said about one status in the answer to one command.
BY_ERRNO, COUNTS, IGNORED, BENIGN = range(4)
# What is said about one errno.
DEFAULT, TRACKED, TRACKED_VAGUE, EXCLUDED = range(4)


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Lookup tables: status and command, errno -> whether the operation counts."""

    statuses: NDArray[np.uint32]
    """(s,), sorted: the statuses about which something is said."""
    by_status: Table
    """(s + 1, 32): row of the status, command; the last row is for all other statuses."""
    by_errno: Table
    """(4096,)"""
    counts: Mask
    """(4, 4): what is said about the status, about the errno."""

    @classmethod
    def of(cls, *, tracked: tuple[str, ...], excluded: tuple[str, ...], by_default: bool) -> Self:
        """The tables for these names of errno and NTSTATUS; names of neither are passed over."""
        statuses, by_status = _status_table(tracked, excluded)
        return cls(
            statuses=statuses,
            by_status=by_status,
            by_errno=_errno_table(tracked, excluded),
            counts=_precedence(by_default=by_default),
        )

    def count(
        self, status: NDArray[np.uint32], command: NDArray[np.uint8], error: NDArray[np.int16]
    ) -> Mask:
        """(n,): which of n failed operations count; `error` is -errno, all three are (n,)."""
        row = np.searchsorted(self.statuses, status)
        known = self.statuses.take(row, mode="clip") == status
        row = np.where(known, row, len(self.statuses))
        number = np.abs(error.astype(np.int32))
        found: Mask = self.counts[
            self.by_status[row, np.minimum(command, COMMANDS - 1)],
            self.by_errno.take(number, mode="clip"),
        ]
        return found

    def possible_errnos(self) -> Mask:
        """(4096,): the errno with which some operation counts, whatever its status.

        Which errno a status becomes differs between kernels, so tables that track one status
        expect it under any errno.
        """
        said = np.unique(self.by_status)
        possible = np.zeros(ERRNO_LIMIT, np.bool_)
        for about_status in said:
            possible |= self.counts[about_status].take(self.by_errno)
        possible[0] = False
        return possible


def _status_table(
    tracked: tuple[str, ...], excluded: tuple[str, ...]
) -> tuple[NDArray[np.uint32], Table]:
    rows = {status: np.full(COMMANDS, BY_ERRNO, np.int8) for status in ntstatus.BENIGN}
    for status, commands in ntstatus.BENIGN.items():
        rows[status][list(commands)] = BENIGN
    for verdict, codes in ((IGNORED, excluded), (COUNTS, tracked)):
        for code in codes:
            if code in ntstatus.NUMBERS:
                rows[ntstatus.NUMBERS[code]] = np.full(COMMANDS, verdict, np.int8)
    statuses = sorted(rows)
    others = np.full(COMMANDS, BY_ERRNO, np.int8)
    return np.array(statuses, np.uint32), np.stack([*(rows[s] for s in statuses), others])


def _errno_table(tracked: tuple[str, ...], excluded: tuple[str, ...]) -> Table:
    table = np.full(ERRNO_LIMIT, DEFAULT, np.int8)
    for code in excluded:
        if code in errors.NUMBERS:
            table[errors.NUMBERS[code]] = EXCLUDED
    for code in tracked:
        if code in errors.NUMBERS:
            number = errors.NUMBERS[code]
            table[number] = TRACKED_VAGUE if number in errors.VAGUE else TRACKED
    return table


def _precedence(*, by_default: bool) -> Mask:
    counts = np.zeros((4, 4), np.bool_)
    counts[COUNTS] = True
    counts[BY_ERRNO, DEFAULT] = by_default
    counts[BY_ERRNO, [TRACKED, TRACKED_VAGUE]] = True
    counts[BENIGN, TRACKED] = True
    return counts
