"""The sums from the kernel to the bundle. Pure: two readings of the counters in, violations out.

A reading takes one counter after the other while all of them change. So each sum here is one that
holds whatever happens in between, given the order of the reading; it may be off by a known doubt,
never by chance. What escapes a reading under load (aod(1), Sums) is found as soon as the command is
quiet for a second."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aod.conservation.violation import Violation
from aod.event import EVENT_DTYPE
from aod.smb.commands import command_name
from aod.transport.eventlog import (
    OPERATION_ENDS,
    RECORD_FATES,
    RECORDS_MADE,
    doubt,
    signed,
    total,
)
from aod.transport.position import Evaluated

RING_RECORD_BYTES: Final = EVENT_DTYPE.itemsize + 8
"""The size of a record in the kernel's ring."""

Counts = NDArray[np.uint64]
"""By command, shape (COMMANDS,)."""


class Kernel(NamedTuple):
    """The kernel's counters, as the head of the event log has them."""

    ring_id: int
    stats_ns: int
    """When the reading of the counters began; CLOCK_MONOTONIC, like the next."""
    scanned_ns: int
    """When the counting of operations in flight began, before that."""
    max_inflight: int
    produced_from: int
    """Bytes that the ring had taken before the counters were read,"""
    produced_to: int
    """and after."""
    stats: NDArray[np.void]
    """struct aod_command_stats by command."""
    gave_up: Counts
    uncertain: Counts
    in_flight: Counts

    @property
    def ended(self) -> Counts:
        """Operations that started and are not in flight any more."""
        return total(self.stats, OPERATION_ENDS) + self.gave_up


class Commit(NamedTuple):
    """What the event log has committed (native/eventlog.h, struct aod_log_commit)."""

    log_position: int = 0
    ring_position: int = 0
    appended: int = 0
    passed_bytes: int = 0
    base_log: int = 0
    base_ring: int = 0


class Anomalies(NamedTuple):
    """What became of declared anomalies; read after the number of declarations."""

    entered: int
    """Known to capture; without snapshots, and without those of an earlier run."""
    unseen: int
    """In the spool, not known to capture yet."""
    missing: int
    """Known to capture, without an outcome, and not in the spool any more."""


class Reading(NamedTuple):
    """All counters, read in this order (but for the first)."""

    taken_ns: int
    """When the reading was complete, CLOCK_MONOTONIC."""
    before: Evaluated
    """What detect published."""
    ring_id: int
    """Of the event log."""
    commit: Commit
    capacity: int
    """Of the event log, records."""
    after: Evaluated
    """What detect published by then."""
    kernel: Kernel | None
    """None: it was being written."""
    anomalies: Anomalies | None
    """None: there is no ledger."""


def find_violations(earlier: Reading | None, now: Reading) -> list[Violation]:
    """The sums that do not hold; `earlier` is another reading of the same daemon, if any."""
    found = [*_log(now), *_evaluated(now), *_anomalies(now)]
    kernel = now.kernel
    if kernel is None:
        return found
    found += [*find_lost_records(kernel.stats), *_ring(kernel)]
    if earlier is None or (before := earlier.kernel) is None or before.ring_id != kernel.ring_id:
        return found
    if before.stats_ns < kernel.stats_ns:
        found += [*_operations(before, kernel), *_quiet(before, kernel)]
        read, written = earlier.commit.ring_position, kernel.produced_to
        is_later = earlier.ring_id == kernel.ring_id and earlier.taken_ns < kernel.stats_ns
        if is_later and read > written:
            found.append(_violation("read", read, written))
    return found


def find_lost_records(stats: NDArray[np.void]) -> Iterator[Violation]:
    """Commands whose records made are not the sum of their fates (`RECORD_FATES`)."""
    made, fates = total(stats, RECORDS_MADE), total(stats, RECORD_FATES)
    wrong = np.abs(signed(made - fates)) > doubt(stats)
    yield from _by_command("records", wrong, made, fates)


def _ring(kernel: Kernel) -> Iterator[Violation]:
    """Records emitted = records that the ring has taken."""
    emitted, doubtful = int(kernel.stats["emitted"].sum()), int(doubt(kernel.stats).sum())
    most, least = (one // RING_RECORD_BYTES for one in (kernel.produced_to, kernel.produced_from))
    if emitted > most:
        yield _violation("ring", emitted, most)
    elif emitted + doubtful < least:
        yield _violation("ring", emitted, least)


def _operations(before: Kernel, now: Kernel) -> Iterator[Violation]:
    """started = ended + in flight, per command, as far as it is known while they change."""
    started, ended = now.stats["started"], before.ended
    yield from _by_command("operations", ended > started, started, ended)
    started, ended = before.stats["started"], now.ended
    doubtful = doubt(before.stats) + doubt(now.stats) + signed(now.uncertain)
    lost = signed(started - ended) > doubtful + now.max_inflight
    yield from _by_command("operations", lost, started, ended)


def _quiet(before: Kernel, now: Kernel) -> Iterator[Violation]:
    """started = ended + in flight exactly, for commands without a change between the readings."""
    if not before.stats_ns < now.scanned_ns <= now.stats_ns:
        return
    still = (before.stats == now.stats) & (before.gave_up == now.gave_up) & (doubt(now.stats) == 0)
    started, known = now.stats["started"], now.ended + now.in_flight
    off = signed(started - known)
    wrong = still & ((off < 0) | (off > now.uncertain))
    yield from _by_command("operations", wrong, started, known)


def _log(now: Reading) -> Iterator[Violation]:
    """Records in the log = records read from the ring + those that user space appended."""
    commit = now.commit
    written = commit.log_position - commit.base_log
    read_bytes = commit.ring_position - commit.base_ring - commit.passed_bytes
    read = read_bytes // RING_RECORD_BYTES + commit.appended
    if written != read:
        yield _violation("log", written, read)


def _evaluated(now: Reading) -> Iterator[Violation]:
    """Records evaluated + skipped + not yet read = records in the log; none is overwritten before
    it is read."""
    written, read = now.commit.log_position, now.before.position
    most = now.after.position + now.capacity
    if read > written:
        yield _violation("evaluated", read, written)
    elif written > most:
        yield _violation("evaluated", written, most)
    if now.after.skipped > now.after.position:
        yield _violation("skipped", now.after.skipped, now.after.position)


def _anomalies(now: Reading) -> Iterator[Violation]:
    """Anomalies declared = known to capture + on the way to it; each has an outcome, or waits."""
    if now.anomalies is None:
        return
    declared = now.before.declared - now.before.unspooled
    known = now.anomalies.entered + now.anomalies.unseen
    if declared > known:
        yield _violation("anomalies", declared, known)
    if missing := now.anomalies.missing:
        yield _violation("outcomes", missing, 0)


def _by_command(
    name: str, wrong: NDArray[np.bool_], left: Counts, right: Counts
) -> Iterator[Violation]:
    for command in map(int, np.flatnonzero(wrong)):
        yield _violation(name, int(left[command]), int(right[command]), command_name(command))


def _violation(name: str, left: int, right: int, command: str = "") -> Violation:
    return Violation(name, command, left, right, abs(left - right))
