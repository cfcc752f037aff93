"""What the programs in the kernel are told to look for, so that they wake user space for it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aod.event import COMMANDS, ERRNO_LIMIT

NEVER_NS: Final = 2**64 - 1
"""A threshold that nothing reaches: not watched, or switched off."""

Nanoseconds: TypeAlias = NDArray[np.uint64]
Mask: TypeAlias = NDArray[np.bool_]


def never() -> Nanoseconds:
    """(32,): a table of thresholds that nothing reaches."""
    return np.full(COMMANDS, NEVER_NS, np.uint64)


@dataclass(frozen=True, eq=False)
class Knobs:
    """What one rule wants to be woken for; as it stands here, nothing."""

    threshold_ns: Nanoseconds = field(default_factory=never)
    """(32,): a record with a higher latency."""
    emergency_ns: Nanoseconds = field(default_factory=never)
    """(32,): a record with this latency or a higher one, and an operation in flight that long."""
    errnos: Mask = field(default_factory=lambda: np.zeros(ERRNO_LIMIT, np.bool_))
    """(4096,): an operation that ended with it."""

    @property
    def ask_for_nothing(self) -> bool:
        """Whether the kernel is to wake user space for no record at all."""
        limits = np.concatenate((self.threshold_ns, self.emergency_ns))
        return bool((limits == NEVER_NS).all()) and not self.errnos.any()


@dataclass(frozen=True, eq=False)
class KernelKnobs:
    """The wishes of all rules, as the kernel's map has them (ebpf/shared.h, struct aod_knobs)."""

    threshold_ns: Nanoseconds
    """(32,)"""
    emergency_ns: Nanoseconds
    """(32,): the lowest of all."""
    tracked_errors: NDArray[np.uint64]
    """(64,): bit e % 64 of word e // 64 for errno e."""
    matching_only: bool
    """Whether operations that match nothing are left out of the event log."""
    hanging_ns: tuple[Nanoseconds, ...] = ()
    """Tables like `emergency_ns`, one for each rule that has its own: an operation in flight is
    told when it reaches the age in any of them. None: `emergency_ns` alone."""


def combined(wishes: Iterable[Knobs], *, matching_only: bool) -> KernelKnobs:
    """The lowest thresholds and all errnos of these."""
    wishes = [Knobs(), *wishes]
    tables = {one.emergency_ns.tobytes(): one.emergency_ns for one in wishes}
    errnos = np.logical_or.reduce([one.errnos for one in wishes])
    return KernelKnobs(
        threshold_ns=np.minimum.reduce([one.threshold_ns for one in wishes]),
        emergency_ns=np.minimum.reduce([one.emergency_ns for one in wishes]),
        tracked_errors=np.packbits(errnos, bitorder="little").view("<u8").astype(np.uint64),
        matching_only=matching_only,
        hanging_ns=tuple(tables.values()),
    )
