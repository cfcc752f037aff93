"""The sums from the kernel to the bundle. Pure: two looks at the counters in, what is wrong out.

Whoever looks reads one counter after the other while all of them move. So each sum here is one that
holds whatever happened in between, by the order of the reading; it may be off by what is known to
be in doubt, never by chance. What escapes a look under load (aod(1), Sums) is
found as soon as the command is quiet for a second.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aod.conservation.violation import Violation
from aod.event import EVENT_DTYPE
from aod.smb.commands import command_name
from aod.transport.position import Evaluated

RING_RECORD_BYTES: Final = EVENT_DTYPE.itemsize + 8
"""What a record takes in the kernel's ring."""

Counts = NDArray[np.uint64]
"""By command, shape (COMMANDS,)."""


class Kernel(NamedTuple):
    """The kernel's counters, as the head of the event log has them."""

    ring_id: int
    stats_ns: int
    """The reading of the counters began then; CLOCK_MONOTONIC, like the next."""
    scanned_ns: int
    """The counting of what is in flight began then, before that."""
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


class Commit(NamedTuple):
    """What the event log has committed (native/eventlog.h, struct aod_log_commit)."""

    log_position: int = 0
    ring_position: int = 0
    appended: int = 0
    passed_bytes: int = 0
    base_log: int = 0
    base_ring: int = 0


class Anomalies(NamedTuple):
    """What became of those that detect declared; read after its word of how many there are."""

    entered: int
    """Known to capture; without those that people asked for, or that an earlier run had left."""
    unseen: int
    """In the spool, not known to capture yet."""
    missing: int
    """Known to capture, without an outcome, and not in the spool any more."""


class Look(NamedTuple):
    """All counters, read in this order (but for the first)."""

    taken_ns: int
    """When the reading was over, CLOCK_MONOTONIC."""
    before: Evaluated
    """What detect says."""
    ring_id: int
    """Of the event log."""
    commit: Commit
    capacity: int
    """Of the event log, records."""
    after: Evaluated
    """What detect says then."""
    kernel: Kernel | None
    """None: it was being written."""
    anomalies: Anomalies | None
    """None: nobody keeps the account."""


def check(earlier: Look | None, now: Look) -> list[Violation]:
    """The sums that do not hold; `earlier` is another look at the same daemon, if there was one."""
    found = [*_log(now), *_evaluated(now), *_anomalies(now)]
    if now.kernel is not None:
        found += [*_records(now.kernel), *_ring(now.kernel)]
        if earlier is not None:
            found += _since(earlier, now.kernel)
    return found


def _since(earlier: Look, kernel: Kernel) -> list[Violation]:
    before = earlier.kernel
    if before is None or before.ring_id != kernel.ring_id or before.stats_ns >= kernel.stats_ns:
        return []
    found = [*_operations(before, kernel), *_quiet(before, kernel)]
    if earlier.ring_id == kernel.ring_id and kernel.stats_ns > earlier.taken_ns:
        read, written = earlier.commit.ring_position, kernel.produced_to
        if read > written:
            found.append(Violation("read", "", read, written, read - written))
    return found


def _records(kernel: Kernel) -> Iterator[Violation]:
    """finished + unanswered_told = emitted + filtered + dropped, per command."""
    stats = kernel.stats
    made = stats["finished"] + stats["unanswered_told"]
    told = (
        stats["emitted"]
        + stats["filtered"]
        + stats["dropped_ring_full"]
        + stats["dropped_simulated"]
    )
    off = np.abs(_signed(made - told))
    yield from _violations("records", off > _doubt(stats), made, told)


def _ring(kernel: Kernel) -> Iterator[Violation]:
    """Records emitted = records that the ring has taken."""
    emitted = int(kernel.stats["emitted"].sum())
    doubt = int(_doubt(kernel.stats).sum())
    most, least = (one // RING_RECORD_BYTES for one in (kernel.produced_to, kernel.produced_from))
    if emitted > most:
        yield Violation("ring", "", emitted, most, emitted - most)
    elif emitted + doubt < least:
        yield Violation("ring", "", emitted, least, least - emitted)


def _operations(before: Kernel, now: Kernel) -> Iterator[Violation]:
    """started = ended + in flight, per command, as far as it can be told while they move."""
    started, ended = now.stats["started"], _ended(before)
    yield from _violations("operations", ended > started, started, ended)
    started, ended = before.stats["started"], _ended(now)
    doubt = _doubt(before.stats) + _doubt(now.stats) + _signed(now.uncertain)
    lost = _signed(started - ended) > doubt + now.max_inflight
    yield from _violations("operations", lost, started, ended)


def _quiet(before: Kernel, now: Kernel) -> Iterator[Violation]:
    """The same to the last one, for commands of which none started or ended between the looks."""
    if not before.stats_ns < now.scanned_ns <= now.stats_ns:
        return
    still = (_words(before.stats) == _words(now.stats)).all(axis=1)
    still &= before.gave_up == now.gave_up
    still &= _doubt(now.stats) == 0
    started, told = now.stats["started"], _ended(now) + now.in_flight
    off = _signed(started - told)
    yield from _violations("operations", still & ((off < 0) | (off > now.uncertain)), started, told)


def _log(now: Look) -> Iterator[Violation]:
    """Records in the log = records read from the ring + user space's own."""
    commit = now.commit
    written = commit.log_position - commit.base_log
    read_bytes = commit.ring_position - commit.base_ring - commit.passed_bytes
    read = read_bytes // RING_RECORD_BYTES + commit.appended
    if written != read:
        yield Violation("log", "", written, read, abs(written - read))


def _evaluated(now: Look) -> Iterator[Violation]:
    """Records evaluated + skipped + not yet read = records in the log; none is overwritten before
    it is read."""
    written, read = now.commit.log_position, now.before.position
    if read > written:
        yield Violation("evaluated", "", read, written, read - written)
    elif written > now.after.position + now.capacity:
        most = now.after.position + now.capacity
        yield Violation("evaluated", "", written, most, written - most)
    if now.after.skipped > now.after.position:
        skipped, read = now.after.skipped, now.after.position
        yield Violation("skipped", "", skipped, read, skipped - read)


def _anomalies(now: Look) -> Iterator[Violation]:
    """Anomalies declared = known to capture + on the way to it; each has an outcome, or waits."""
    if now.anomalies is None:
        return
    declared = now.before.declared - now.before.unspooled
    known = now.anomalies.entered + now.anomalies.unseen
    if declared > known:
        yield Violation("anomalies", "", declared, known, declared - known)
    if missing := now.anomalies.missing:
        yield Violation("outcomes", "", missing, 0, missing)


def _ended(kernel: Kernel) -> Counts:
    stats = kernel.stats
    ended = stats["finished"] + stats["unanswered"] + kernel.gave_up
    total: Counts = ended + stats["untimed"] + stats["dropped_inflight_full"]
    return total


def _doubt(stats: NDArray[np.void]) -> NDArray[np.int64]:
    return _signed(stats["begun"] - stats["ended"])


def _words(stats: NDArray[np.void]) -> NDArray[np.uint64]:
    words: NDArray[np.uint64] = stats.view(np.uint64).reshape(len(stats), -1)
    return words


def _signed(counts: Any) -> NDArray[np.int64]:
    """A difference of two counters; they wrap together."""
    signed: NDArray[np.int64] = np.ascontiguousarray(counts).view(np.int64)
    return signed


def _violations(
    name: str, wrong: NDArray[np.bool_], left: Counts, right: Counts
) -> Iterator[Violation]:
    for command in np.flatnonzero(wrong):
        one, other = int(left[command]), int(right[command])
        yield Violation(name, command_name(int(command)), one, other, abs(one - other))
