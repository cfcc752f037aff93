"""The counters of a command, as the C struct names them."""

import re

import numpy as np

from aod.transport.eventlog import (
    COUNTERS,
    DROPPED,
    HEADER_DTYPE,
    OPERATION_ENDS,
    RECORD_FATES,
    RECORDS_MADE,
    STAT_NAMES,
    STATS_DTYPE,
    doubt,
    total,
)
from scripts.vm.tools import REPO

HEADER = (REPO / "ebpf" / "shared.h").read_text()


def test_the_names_are_those_of_the_struct() -> None:
    (body,) = re.findall(r"struct aod_command_stats \{(.*?)\n\};", HEADER, re.DOTALL)
    assert list(STAT_NAMES) == re.findall(r"uint64_t\s+(\w+)", body)
    assert HEADER_DTYPE["stats"].base == STATS_DTYPE
    assert set(STAT_NAMES) - set(COUNTERS) == {"begun", "ended", "latency_slots"}
    assert DROPPED == ("dropped_ring_full", "dropped_simulated", "dropped_inflight_full")


def test_the_sums_are_those_that_the_struct_states() -> None:
    stated = " ".join(HEADER.replace("*", " ").split())
    assert f"{' + '.join(RECORDS_MADE)} = {' + '.join(RECORD_FATES)}" in stated
    (ends,) = re.findall(r"started = ([\w+ ]+) in flight", stated)
    assert set(OPERATION_ENDS) | {"gave_up"} == set(re.findall(r"\w+", ends))


def test_sums_and_doubt_of_each_command() -> None:
    stats = np.zeros(3, STATS_DTYPE)
    stats["finished"], stats["unanswered_told"] = [1, 2, 3], [10, 0, 0]
    stats["begun"], stats["ended"] = [5, 5, 0], [5, 3, 1]
    assert total(stats, RECORDS_MADE).tolist() == [11, 2, 3]
    assert int(total(stats[0], RECORDS_MADE)) == 11
    assert doubt(stats).tolist() == [0, 2, -1]
