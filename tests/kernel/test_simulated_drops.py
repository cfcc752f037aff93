"""Losing records on purpose: the share is what was asked for, and every one is counted."""

import math

import pytest

from tests.kernel.conftest import Rig, make_knobs

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
    rig.tracer.set_knobs(make_knobs(matching_only=True))
    rig.tracer.simulate_drops(100)
    rig.producer.load(TOTAL)
    assert rig.stat("filtered", WRITE) == TOTAL
    assert rig.stat("dropped_simulated", WRITE) == 0


def test_it_outlives_new_knobs(rig: Rig) -> None:
    rig.tracer.simulate_drops(100)
    rig.tracer.set_knobs(make_knobs(threshold_ms=5))
    rig.producer.load(TOTAL)
    assert rig.drain() == 0
