"""Losing records on purpose: the share is what was asked for, and every one is counted."""

import math
import os
import signal
from pathlib import Path

import pytest

from scripts.vm.guest.wait import wait_until
from tests.rig.bundles import open_bundle
from tests.rig.configs import CREATE, LATENCY
from tests.rig.daemon import LocalDaemon
from tests.rig.ring import Rig, make_thresholds

WRITE = 9
TOTAL = 10_000
SIGMAS = 6  # chance alone goes beyond that twice in a billion runs


@pytest.mark.parametrize("percent", [0.5, 25, 99])
def test_the_share_is_what_was_asked_for_and_the_sum_is_exact(rig: Rig, percent: float) -> None:
    rig.tracer.simulate_drops(percent)
    rig.producer.load(TOTAL)
    dropped = rig.stat("dropped_simulated", WRITE)
    share = percent / 100
    spread = math.sqrt(TOTAL * share * (1 - share))
    assert abs(dropped - TOTAL * share) < SIGMAS * spread
    assert rig.drain() == rig.stat("emitted", WRITE) == TOTAL - dropped
    assert rig.stat("finished", WRITE) == TOTAL
    assert rig.stat("dropped_ring_full", WRITE) == 0


@pytest.mark.parametrize(("percent", "kept"), [(0, TOTAL), (100, 0)])
def test_none_and_all_are_none_and_all(rig: Rig, percent: float, kept: int) -> None:
    rig.tracer.simulate_drops(percent)
    rig.producer.load(TOTAL)
    assert (rig.drain(), rig.stat("dropped_simulated", WRITE)) == (kept, TOTAL - kept)


def test_what_makes_no_record_is_not_lost(rig: Rig) -> None:
    rig.tracer.set_thresholds(make_thresholds(matching_only=True))
    rig.tracer.simulate_drops(100)
    rig.producer.load(TOTAL)
    assert rig.stat("filtered", WRITE) == TOTAL
    assert rig.stat("dropped_simulated", WRITE) == 0


def test_it_outlives_new_thresholds(rig: Rig) -> None:
    rig.tracer.simulate_drops(100)
    rig.tracer.set_thresholds(make_thresholds(threshold_ms=5))
    rig.producer.load(TOTAL)
    assert rig.drain() == 0


def test_a_daemon_loses_what_it_is_told_to_and_says_so(tmp_path: Path, pin_dir: Path) -> None:
    """In the log, the status, the bundle and the audit log; the next run loses nothing."""
    daemon = LocalDaemon(tmp_path, pin_dir, LATENCY, "--simulate-drops", "50")
    with daemon:
        daemon.producer().load(TOTAL, command=CREATE)
        wait_until(lambda: _finished(daemon) == TOTAL, "the counters")
        daemon.slow(count=100)
        wait_until(lambda: _finished(daemon) == TOTAL + 100, "the counters")
        lost = daemon.status().commands["SMB2_CREATE"].dropped_simulated
        assert abs(lost - (TOTAL + 100) / 2) < SIGMAS * math.sqrt(TOTAL + 100) / 2
        wait_until(lambda: daemon.status().read == TOTAL + 100 - lost, "the others")
        assert daemon.status().conserved
        bundle = open_bundle(daemon.wait_for_bundles(1)[0])
        assert 0 < bundle.manifest["losses"]["dropped_simulated"] <= lost
        os.kill(daemon.wait_for_worker("collect"), signal.SIGKILL)
        wait_until(lambda: daemon.log().count("are lost on purpose") == 2, "its successor")
        assert daemon.stop() == 0
    losses = daemon.audited("loss")
    assert {one["lost"] for one in losses} == {"operations: on purpose, as --simulate-drops asks"}
    assert sum(one["count"] for one in losses) == lost


def test_a_killed_run_does_not_hand_it_on(tmp_path: Path, pin_dir: Path) -> None:
    """Its programs go on in the kernel; the next run without the flag takes them over."""
    killed = LocalDaemon(tmp_path, pin_dir, LATENCY, "--simulate-drops", "100")
    with killed:
        killed.process.kill()
        killed.process.wait()
        killed.producer().load(TOTAL, command=CREATE)
        with LocalDaemon(tmp_path, pin_dir, LATENCY) as daemon:
            wait_until(lambda: daemon.log().count("running;") == 2, "the next run")
            daemon.producer().load(TOTAL, command=CREATE)
            wait_until(lambda: daemon.status().read == TOTAL, "those after its start")
            wait_until(lambda: _finished(daemon) == 2 * TOTAL, "the counters")
            assert daemon.status().commands["SMB2_CREATE"].dropped_simulated == TOTAL


def _finished(daemon: LocalDaemon) -> int:
    return sum(one.finished for one in daemon.status().commands.values())
