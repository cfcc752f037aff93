"""USAGE.md's table of deaths: each cell that promises something has a test that holds it to it."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.unit import usage_text

TESTS: Final = Path(__file__).parents[1]
STAY: Final = re.compile(r"^(stays?|whole)$")
"""Nothing happens: held by the test of the whole, the kill campaign."""
NOT_TESTABLE: Final = frozenset({"gone", "gone with the host", "gone: they are in memory"})
CAMPAIGN: Final = "campaign/test_campaign.py::test_fifty_kills_lose_nothing_and_leave_nothing"
REBOOT: Final = "kernel/test_deaths.py::test_after_a_reboot_what_was_declared_gets_its_bundle"
NEXT: Final = "kernel/test_deaths.py::test_next_start_makes_the_bundle_of_what_was_declared_once"
CLEAN: Final = "kernel/test_daemon.py::test_stop_drains_and_leaves_nothing"
BUILD: Final = (
    "kernel/test_leavings.py::test_records_of_another_build_that_nobody_read_are_counted_and_told"
)
ANOTHER_LOG: Final = "kernel/test_drain.py::test_another_build_is_replaced_and_the_log_goes_on"
WINDOW: Final = "unit/test_detect.py::test_window_survives_the_detectors_death"
WINDOWS: Final = "kernel/test_deaths.py::test_windows_outlive_the_supervisor"
BELL: Final = "unit/test_stage_capture.py::test_a_message_rings_and_the_spool_alone_is_enough"
LOST_BELL: Final = "unit/test_detect_process.py::test_bell_that_is_lost_delays_and_loses_nothing"
LEFT: Final = (
    "unit/test_stage_capture.py::test_a_bundle_that_cannot_be_finished_is_left_for_the_next_start"
)
FINISHED: Final = (
    "unit/test_stage_capture.py::"
    "test_a_killed_captures_bundles_are_finished_and_what_is_of_no_use_is_removed"
)
PACKETS: Final = (
    "unit/test_recorders_packets.py::test_a_killed_owner_takes_it_along_and_its_packets_stay"
)
SUCCESSOR: Final = "unit/test_counters.py::test_a_successor_goes_on"
CUT: Final = "unit/test_audit.py::test_a_line_that_a_crash_cut_short_costs_only_itself"
UNTOUCHED: Final = ("",) * 4
HELD_BY: Final = {
    "operations in flight, records in the kernel's ring": (
        "kernel/test_drain.py::test_next_collector_goes_on_where_the_last_one_stopped",
        *UNTOUCHED[:3],
        "kernel/test_deaths.py::test_next_start_goes_on_with_operations_in_flight",
        "kernel/test_daemon.py::test_stop_with_a_detector_that_hangs_says_what_is_lost",
        "",
        BUILD,
    ),
    "event log, detect's position in it": (
        "kernel/test_drain.py::test_death_between_commit_and_the_kernels_knowledge_repeats_nothing",
        *UNTOUCHED[:3],
        "kernel/test_daemon.py::test_dead_supervisor_takes_its_workers_along_and_the_next_goes_on",
        CLEAN,
        "",
        ANOTHER_LOG,
    ),
    "detect's windows and episodes": ("", WINDOW, "", "", WINDOWS, "", "", WINDOWS),
    "anomalies without a bundle (spool)": (
        "",
        "unit/test_detect.py::test_anomaly_is_spooled_then_sent_and_then_the_position_is_published",
        "kernel/test_daemon.py::"
        "test_anomaly_that_was_declared_while_capture_was_dead_gets_its_bundle",
        "",
        NEXT,
        LEFT,
        REBOOT,
        NEXT,
    ),
    "bundle that is being made": ("", "", FINISHED, "", FINISHED, LEFT, FINISHED, FINISHED),
    "messages between stages": (
        LOST_BELL,
        BELL,
        BELL,
        "unit/test_stage_cleanup.py::test_the_stage_sweeps_at_the_start_and_on_every_sealed_bundle",
        NEXT,
        "unit/test_stage_cleanup.py::test_what_was_sealed_before_the_stop_is_still_counted",
        REBOOT,
        NEXT,
    ),
    "ring of packets, trace": (
        "",
        "",
        PACKETS,
        "",
        PACKETS,
        "unit/test_recorders_packets.py::test_the_end_leaves_neither_process_nor_file",
        "",
        PACKETS,
    ),
    "counters of the last minute": (
        SUCCESSOR,
        *UNTOUCHED[:3],
        SUCCESSOR,
        CLEAN,
        "unit/test_counters.py::test_a_ring_of_another_boot_is_begun_anew",
        "unit/test_counters.py::test_a_file_of_another_version_is_replaced",
    ),
    "audit log, sealed bundles": (
        "",
        "",
        CUT,
        "",
        "kernel/test_audit.py::test_the_audit_log_tells_the_daemons_life",
        "",
        CUT,
        "",
    ),
}
HEADER, *ROWS = usage_text.tables(usage_text.section("What a death costs"))[0]


def test_every_row_has_its_tests() -> None:
    assert [row[0] for row in ROWS] == list(HELD_BY)
    assert {len(row) for row in ROWS} == {len(HEADER)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_a_cell_promises_is_held(row: list[str]) -> None:
    for death, cell, test in zip(HEADER[1:], row[1:], HELD_BY[row[0]], strict=True):
        assert bool(test) is promises(cell), f"{row[0]}, {death}: {cell}"
        assert exists(test or CAMPAIGN), test


def promises(cell: str) -> bool:
    return not STAY.match(cell) and cell not in NOT_TESTABLE


def exists(test: str) -> bool:
    path, _, name = test.partition("::")
    found = re.search(rf"^(?:async )?def {name}\(", (TESTS / path).read_text(), re.MULTILINE)
    return found is not None
