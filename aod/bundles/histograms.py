"""stats.json: the kernel's counters and latency histograms before, at the trigger, and between.

Counters run on from the start of the daemon, so the difference of two moments is what happened
between them. A moment is the nearest snapshot (`aod.state.counters`), and states how near it is."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from aod.anomaly import Anomaly, Cause
from aod.smb.commands import command_name
from aod.state import counters
from aod.state.counters import Snapshots
from aod.transport.eventlog import COUNTERS, STAT_NAMES

_FIRST_NS: Final = 50_000_000
"""A snapshot before the trigger has to be nearer by this than one behind it, which has counted the
operation that triggered."""


class CommandCounts(Struct, frozen=True):
    """One command, so far."""

    counters: dict[str, int]
    """Those that are not 0, by their names in ebpf/shared.h."""
    latency_ns: list[tuple[int, int | None, int]]
    """(from, below, operations that took so long): the slots that hold any; null: no limit."""


class Moment(Struct, frozen=True, kw_only=True):
    """The counters at one moment, by command."""

    wanted_ns: int
    """CLOCK_MONOTONIC, as in the records."""
    taken_ns: int | None = None
    """null: there is none, and `note` says why."""
    taken: str = ""
    """UTC."""
    off_by_sec: float | None = None
    """Positive: taken later than wanted."""
    in_flight: int = 0
    note: str = ""
    commands: dict[str, CommandCounts] = {}


class Difference(Struct, frozen=True, kw_only=True):
    """What was counted between the two moments."""

    seconds: float = 0
    note: str = ""
    commands: dict[str, CommandCounts] = {}


class Stats(Struct, frozen=True, kw_only=True):
    """stats.json."""

    note: str = ""
    before: Moment
    at_trigger: Moment
    difference: Difference


_NO_DIFFERENCE: Final = Difference(note="no two moments to compare")


def recall(runtime_dir: Path, before_ns: int, anomaly: Anomaly) -> bytes:
    """The text of stats.json for an anomaly, from what the daemon of this folder has left."""
    note, found = "", np.zeros(0, counters.SNAPSHOT_DTYPE)
    try:
        found = counters.read(runtime_dir)
    except (OSError, ValueError) as error:
        note = f"no counters: no daemon collects here ({error})"
    of_any_boot = not len(found) or anomaly.rule is Cause.MANUAL
    if not (of_any_boot or counters.is_of_this_boot(found, anomaly.trigger_ns, anomaly.timestamp)):
        note, found = "no counters: the anomaly is of another boot", found[:0]
    content = msgspec.json.encode(stats(found, anomaly.trigger_ns, before_ns, note))
    return msgspec.json.format(content, indent=1) + b"\n"


def stats(found: Snapshots, trigger_ns: int, before_ns: int, note: str = "") -> Stats:
    """The two moments, and what lies between them.

    Args:
        found: snapshots, oldest first.
        before_ns: how long before the trigger the earlier one is wanted."""
    times = found["taken_ns"].astype(np.int64)
    wanted_ns = max(0, trigger_ns - before_ns)
    if not len(found):
        return Stats(
            note=note or "no counters: none were taken yet",
            before=Moment(wanted_ns=wanted_ns),
            at_trigger=Moment(wanted_ns=trigger_ns),
            difference=_NO_DIFFERENCE,
        )
    late = times - trigger_ns
    at = int(np.argmin(np.where(late >= 0, late, _FIRST_NS - late)))
    first = int(np.argmin(np.abs(times - wanted_ns)))
    return Stats(
        note=note,
        before=_before(found, first, at, wanted_ns),
        at_trigger=_moment(found[at], trigger_ns),
        difference=difference(found[first], found[at]) if first < at else _NO_DIFFERENCE,
    )


def _before(found: Snapshots, first: int, at: int, wanted_ns: int) -> Moment:
    if first >= at:
        return Moment(wanted_ns=wanted_ns, note="none: the counters do not reach back before that")
    oldest_ns = int(found["taken_ns"][0])
    short = first == 0 and oldest_ns > wanted_ns
    reach_sec = (int(found["taken_ns"][at]) - oldest_ns) / 1e9
    note = f"the oldest there is: the counters reach back {reach_sec:.1f} s" if short else ""
    return _moment(found[first], wanted_ns, note)


def _moment(taken: Any, wanted_ns: int, note: str = "") -> Moment:
    when = datetime.fromtimestamp(int(taken["realtime_ns"]) / 1e9, UTC)
    return Moment(
        wanted_ns=wanted_ns,
        taken_ns=int(taken["taken_ns"]),
        taken=when.isoformat(timespec="milliseconds"),
        off_by_sec=round((int(taken["taken_ns"]) - wanted_ns) / 1e9, 6),
        in_flight=int(taken["in_flight"]),
        note=note,
        commands=_commands(taken["stats"], taken["gave_up"]),
    )


def difference(first: Any, second: Any) -> Difference:
    """Between two snapshots; none where the counters began anew meanwhile."""
    before, after = first["stats"], second["stats"]
    less = any((after[field] < before[field]).any() for field in STAT_NAMES)
    less |= bool((second["gave_up"] < first["gave_up"]).any())
    if less or first["ring_id"] != second["ring_id"]:
        return Difference(note="none: the counters began anew between the two moments")
    return Difference(
        seconds=round((int(second["taken_ns"]) - int(first["taken_ns"])) / 1e9, 6),
        commands=_commands(
            {field: after[field] - before[field] for field in STAT_NAMES},
            second["gave_up"] - first["gave_up"],
        ),
    )


def _commands(stats: Any, gave_up: Any) -> dict[str, CommandCounts]:
    columns = {name: stats[name] for name in COUNTERS} | {"gave_up": gave_up}
    found = {}
    for number, slots in enumerate(stats["latency_slots"]):
        values = {name: int(column[number]) for name, column in columns.items() if column[number]}
        latency_ns = [
            (1 << int(slot), 2 << int(slot) if slot < len(slots) - 1 else None, int(slots[slot]))
            for slot in np.flatnonzero(slots)
        ]
        if values or latency_ns:
            found[command_name(number)] = CommandCounts(values, latency_ns)
    return found
