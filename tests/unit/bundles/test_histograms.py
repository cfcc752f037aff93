"""stats.json: which moments, how far off, and what lies between them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aod.anomaly import Cause
from aod.bundles import histograms
from aod.bundles.histograms import CommandCounts
from aod.state.counters import SNAPSHOT_DTYPE, CounterRing, Snapshots
from aod.transport.eventlog import HEADER_DTYPE
from tests.unit.samples import anomaly

SEC = 10**9
READ = 8


def snapshots(*times_ns: int, ring_id: int = 1) -> Snapshots:
    """One more READ of 3 us in each."""
    made = np.zeros(len(times_ns), SNAPSHOT_DTYPE)
    made["taken_ns"], made["ring_id"] = times_ns, ring_id
    made["realtime_ns"] = np.array(times_ns) + 1_700_000_000 * SEC
    for number in range(len(times_ns)):
        made["stats"]["finished"][number, READ] = number + 1
        made["stats"]["latency_slots"][number, READ, 11] = number + 1
    return made


def every(step_ns: int, end_ns: int) -> Snapshots:
    return snapshots(*range(step_ns, end_ns + 1, step_ns))


def test_the_moments_are_the_nearest_and_say_how_near() -> None:
    told = histograms.stats(every(5 * SEC, 200 * SEC), 151 * SEC, 60 * SEC)
    assert (told.before.wanted_ns, told.before.taken_ns) == (91 * SEC, 90 * SEC)
    assert told.before.off_by_sec == -1
    assert told.before.taken == "2023-11-14T22:14:50.000+00:00"
    assert (told.at_trigger.taken_ns, told.at_trigger.off_by_sec) == (150 * SEC, -1)
    assert told.difference.seconds == 60
    assert told.difference.commands == {
        "SMB2_READ": CommandCounts({"finished": 12}, [(2048, 4096, 12)])
    }


def test_the_trigger_itself_is_counted_where_that_is_possible() -> None:
    told = histograms.stats(
        snapshots(90 * SEC, 100 * SEC - 1, 100 * SEC + 20_000_000), 100 * SEC, SEC
    )
    assert told.at_trigger.off_by_sec == 0.02


def test_only_what_was_seen_is_told() -> None:
    told = histograms.stats(every(5 * SEC, 100 * SEC), 100 * SEC, 60 * SEC)
    assert told.at_trigger.commands == {
        "SMB2_READ": CommandCounts({"finished": 20}, [(2048, 4096, 20)])
    }


def test_the_last_slot_has_no_end() -> None:
    found = snapshots(SEC, 2 * SEC)
    found["stats"]["latency_slots"][1, READ, 39] = 5
    told = histograms.stats(found, 2 * SEC, SEC)
    assert told.difference.commands["SMB2_READ"].latency_ns[-1] == (1 << 39, None, 5)


def test_a_young_daemon_says_how_far_it_reaches_back() -> None:
    told = histograms.stats(snapshots(95 * SEC, 100 * SEC), 100 * SEC, 60 * SEC)
    assert told.before.taken_ns == 95 * SEC
    assert told.before.off_by_sec == 55
    assert told.before.note == "the oldest there is: the counters reach back 5.0 s"


def test_one_moment_is_no_difference() -> None:
    told = histograms.stats(snapshots(100 * SEC), 100 * SEC, 60 * SEC)
    assert told.before.taken_ns is None
    assert told.before.note
    assert told.at_trigger.taken_ns == 100 * SEC
    assert told.difference.note == "no two moments to compare"


@pytest.mark.parametrize("what", ["ring_id", "counter", "gave_up"])
def test_counters_that_began_anew_have_no_difference(what: str) -> None:
    found = snapshots(40 * SEC, 100 * SEC)
    if what == "ring_id":
        found["ring_id"][1] = 2
    elif what == "counter":
        found["stats"]["finished"][1, READ] = 0
    else:
        found["gave_up"][0, READ] = 1
    told = histograms.stats(found, 100 * SEC, 60 * SEC)
    assert "began anew" in told.difference.note
    assert told.difference.commands == {}


def recalled(folder: Path, **changes: Any) -> Any:
    return json.loads(histograms.recall(folder, 60 * SEC, anomaly(**changes)))


def test_without_a_daemon_it_says_so(tmp_path: Path) -> None:
    told = recalled(tmp_path, rule=Cause.MANUAL)
    assert "no daemon collects here" in told["note"]
    assert told["at_trigger"]["taken_ns"] is None
    assert set(told) == {"note", "before", "at_trigger", "difference"}


def test_an_anomaly_of_another_boot_has_none(tmp_path: Path) -> None:
    ring = CounterRing(tmp_path, 60)
    head = np.zeros((), HEADER_DTYPE)
    head["stats_ns"] = 5 * SEC
    ring.add(head)
    ring.close()
    assert recalled(tmp_path)["note"] == "no counters: the anomaly is of another boot"
    assert recalled(tmp_path, rule=Cause.MANUAL)["at_trigger"]["taken_ns"] == 5 * SEC
