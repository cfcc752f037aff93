"""Which failed operations count for an error rule: by NTSTATUS, command and errno.

The server's NTSTATUS goes before the client's errno, and tracked before excluded:

1. a status named in `track_codes` counts, one named in `exclude_codes` does not;
2. an errno named in `track_codes` counts. EIO and EACCES (`errors.VAGUE`) do not reach a benign
   status: who tracks EIO does not mean the steps of a logon;
3. an errno named in `exclude_codes` does not count, nor does a benign status (`ntstatus.BENIGN`);
4. what is left counts, unless the mode is trackonly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aod.event import COMMANDS, ERRNO_LIMIT
from aod.kernel.thresholds import Mask
from aod.smb import errors, ntstatus

# What is known about one status in the answer to one command.
BY_ERRNO, COUNTS, IGNORED, BENIGN = range(4)


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Lookup tables: status and command, then errno -> whether the operation counts."""

    statuses: NDArray[np.uint32]
    """(s,), sorted: the statuses about which something is known."""
    by_status: NDArray[np.int8]
    """(s + 1, 32): row of the status, command; the last row is for all other statuses."""
    counts: Mask
    """(4, 4096): what is known about the status, errno."""

    @classmethod
    def of(cls, *, tracked: tuple[str, ...], excluded: tuple[str, ...], by_default: bool) -> Self:
        """The tables for these names of errno and NTSTATUS; names of neither are passed over."""
        rows = {status: np.full(COMMANDS, BY_ERRNO, np.int8) for status in ntstatus.BENIGN}
        for status, commands in ntstatus.BENIGN.items():
            rows[status][list(commands)] = BENIGN
        for verdict, codes in ((IGNORED, excluded), (COUNTS, tracked)):
            for number in _numbers(codes, ntstatus.NUMBERS):
                rows[number] = np.full(COMMANDS, verdict, np.int8)
        statuses = sorted(rows)
        others = np.full(COMMANDS, BY_ERRNO, np.int8)
        return cls(
            statuses=np.array(statuses, np.uint32),
            by_status=np.stack([*(rows[status] for status in statuses), others]),
            counts=_counts(tracked, excluded, by_default=by_default),
        )

    def count(
        self, status: NDArray[np.uint32], command: NDArray[np.uint8], error: NDArray[np.int16]
    ) -> Mask:
        """(n,): which of n failed operations count; `error` is -errno, all three are (n,)."""
        row = np.searchsorted(self.statuses, status)
        known = self.statuses.take(row, mode="clip") == status
        row = np.where(known, row, len(self.statuses))
        number = np.minimum(np.abs(error.astype(np.int32)), ERRNO_LIMIT - 1)
        verdict = self.by_status[row, np.minimum(command, COMMANDS - 1)]
        found: Mask = self.counts[verdict, number]
        return found

    def possible_errnos(self) -> Mask:
        """(4096,): the errno with which some operation counts, whatever its status.

        Which errno a status becomes differs between kernels, so tables that track one status
        expect it under any errno.
        """
        possible: Mask = np.logical_or.reduce(self.counts[np.unique(self.by_status)])
        possible[0] = False
        return possible


def _counts(tracked: tuple[str, ...], excluded: tuple[str, ...], *, by_default: bool) -> Mask:
    """The precedence, 2 to 4 of the list above."""
    counts = np.zeros((4, ERRNO_LIMIT), np.bool_)
    counts[COUNTS] = True
    counts[BY_ERRNO] = by_default
    counts[BY_ERRNO, _numbers(excluded, errors.NUMBERS)] = False
    for number in _numbers(tracked, errors.NUMBERS):
        counts[BY_ERRNO, number] = True
        counts[BENIGN, number] = number not in errors.VAGUE
    return counts


def _numbers(codes: tuple[str, ...], known: Mapping[str, int]) -> list[int]:
    return [known[code] for code in codes if code in known]
