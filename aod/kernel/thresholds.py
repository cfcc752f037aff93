"""What the programs in the kernel compare each operation with, to wake user space for a match."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aod._native import ffi
from aod.event import COMMANDS, ERRNO_LIMIT
from aod.smb.commands import Command

NEVER_NS: Final = 2**64 - 1
"""A threshold that no operation reaches: not watched, or switched off."""

Nanoseconds: TypeAlias = NDArray[np.uint64]
Mask: TypeAlias = NDArray[np.bool_]


def never() -> Nanoseconds:
    """(32,): a table of thresholds that no operation reaches."""
    return np.full(COMMANDS, NEVER_NS, np.uint64)


@dataclass(frozen=True, eq=False)
class Thresholds:
    """What matches one rule; by default, nothing does."""

    threshold_ns: Nanoseconds = field(default_factory=never)
    """(32,): a record with a higher latency matches."""
    emergency_ns: Nanoseconds = field(default_factory=never)
    """(32,): so does a record of at least this latency, and an operation in flight that old."""
    errnos: Mask = field(default_factory=lambda: np.zeros(ERRNO_LIMIT, np.bool_))
    """(4096,): so does an operation that ended with such an errno."""

    @property
    def match_nothing(self) -> bool:
        """Whether no operation can match."""
        limits = np.concatenate((self.threshold_ns, self.emergency_ns))
        return bool((limits == NEVER_NS).all()) and not self.errnos.any()


@dataclass(frozen=True, eq=False)
class KernelThresholds:
    """Those of all rules, as the kernel's map has them (ebpf/shared.h, struct aod_thresholds)."""

    threshold_ns: Nanoseconds
    """(32,)"""
    emergency_ns: Nanoseconds
    """(32,): the lowest of all rules."""
    tracked_errors: NDArray[np.uint64]
    """(64,): bit e % 64 of word e // 64 for errno e."""
    matching_only: bool
    """Whether operations without a match are left out of the event log."""
    hanging_ns: tuple[Nanoseconds, ...] = ()
    """The different `emergency_ns` of the rules: an operation in flight becomes a record at each
    of these ages. Empty: `emergency_ns` alone."""

    def write_to(self, target: Any, ring_bytes: int) -> None:
        """Fill a `struct aod_thresholds`, mapped or not; for a ring of that size."""
        for name in ("threshold_ns", "emergency_ns", "tracked_errors"):
            table = getattr(self, name)
            ffi.memmove(getattr(target, name), table.tobytes(), table.nbytes)
        target.wake_bytes = ring_bytes // 4
        target.matching_only = self.matching_only


def merge(rules: Iterable[Thresholds], *, matching_only: bool) -> KernelThresholds:
    """The lowest thresholds and all errnos of these rules."""
    rules = [Thresholds(), *rules]
    tables = {one.emergency_ns.tobytes(): one.emergency_ns for one in rules}
    errnos = np.logical_or.reduce([one.errnos for one in rules])
    return KernelThresholds(
        threshold_ns=np.minimum.reduce([one.threshold_ns for one in rules]),
        emergency_ns=np.minimum.reduce([one.emergency_ns for one in rules]),
        tracked_errors=np.packbits(errnos, bitorder="little").view("<u8").astype(np.uint64),
        matching_only=matching_only,
        hanging_ns=tuple(tables.values()),
    )


def give_up_ages_ns(unanswered_sec: float) -> list[int]:
    """By command: the age at which an operation in flight counts as unanswered."""
    ages = [int(unanswered_sec * 1e9)] * COMMANDS
    # A lock or a directory watch may rightly be answered after hours.
    for command in (Command.SMB2_LOCK, Command.SMB2_CHANGE_NOTIFY):
        ages[command] = max(ages[command], 86_400 * 10**9)
    return ages
