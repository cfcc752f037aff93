"""A hanging server is declared after a second, and after a minute that others got no credits."""

from pathlib import Path
from typing import Any

from tests.vm.evidence import Declared, bundles, declared
from tests.vm.scenarios import credit_timeout
from tests.vm.test_hang import STAT

SCENARIO = "credit_timeout"


def test_the_hang_and_the_timeout_are_declared_and_nothing_else(artefacts: Path) -> None:
    assert declared(artefacts) == [
        Declared("Latency", "latency", "emergency", 3, 10, STAT),
        Declared("Connection", "connection", "count", 1, 0, {"CREDIT_TIMEOUT": 1}),
    ]


def test_they_are_a_minute_apart(artefacts: Path) -> None:
    hang, timeout = (bundle.json("anomaly.json")["trigger_ns"] for bundle in bundles(artefacts))
    started_ns = hang - 10**9
    assert timeout - started_ns > credit_timeout.GIVES_UP_AFTER_S * 10**9


def test_all_but_the_first_waited_in_vain(facts: dict[str, Any]) -> None:
    others = credit_timeout.PROGRAMS - 1
    assert facts["outcomes"] == {"answered": 1, "EBUSY": others}
    assert facts["traced"] == {"smb3_credit_timeout": others}


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
