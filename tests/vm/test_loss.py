"""A lossy network makes operations slow in bunches, then one hangs; nothing else is declared.

The count comes first unless one of the first packets is lost three times in a row; and once more
for each minute, a cool-down, in which none is.
"""

from pathlib import Path
from typing import Any

from aod.event import IN_FLIGHT
from scripts.vm.guest.workload import STEPS
from tests.vm.evidence import bundles, declared

SCENARIO = "loss"

COOLDOWN_S = 60
# The earliest time after which TCP sends again what was lost: TCP_RTO_MIN.
RETRANSMISSION_NS = 200_000_000


def test_no_error_reached_the_program(facts: dict[str, Any]) -> None:
    assert set(facts["lossy"]) == {"rounds", *STEPS}
    assert set(facts["lossy"].values()) == {facts["lossy"]["rounds"]}


def test_bunches_then_one_that_hangs(facts: dict[str, Any], artefacts: Path) -> None:
    *bunches, last = declared(artefacts)
    assert (last.anomaly, last.name, last.rule) == ("Latency", "latency", "emergency")
    assert all(
        (one.anomaly, one.name, one.rule) == ("Latency", "latency", "count") for one in bunches
    )
    assert all((one.count, one.acceptable_count) == (11, 10) for one in bunches)
    assert len(bunches) <= 1 + facts["lossy_s"] // COOLDOWN_S


def test_what_is_slow_waited_for_a_retransmission(artefacts: Path) -> None:
    *_, last = bundles(artefacts)
    assert last.json("anomaly.json")["worst"][0]["latency_ns"] >= 10**9
    finished = (last.events()["flags"] & IN_FLIGHT) == 0
    assert (last.events()["latency_ns"][finished] > RETRANSMISSION_NS).any()


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
