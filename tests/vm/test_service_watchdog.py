"""Who hangs is replaced: a worker by the supervisor, the supervisor by systemd; and the anomaly of
that moment is declared once, with one bundle."""

from typing import Any

SCENARIO = "service_watchdog"


def test_a_worker_that_hangs_is_replaced_by_the_supervisor(facts: dict[str, Any]) -> None:
    assert facts["worker"] == {"same_supervisor": True, "NRestarts": "0", "ActiveState": "active"}


def test_a_supervisor_that_hangs_is_replaced_by_systemd(facts: dict[str, Any]) -> None:
    assert facts["supervisor"] == {"replaced": True, "NRestarts": "1", "ActiveState": "active"}
    assert any("Watchdog timeout" in one["MESSAGE"] for one in facts["entries"])


def test_the_anomaly_of_that_moment_has_its_bundle(facts: dict[str, Any]) -> None:
    declared = {one["AOD_TIMESTAMP"] for one in facts["entries"] if one["PRIORITY"] == "1"}
    assert len(declared) == 1
    assert facts["bundles"] == [f"aod_{timestamp}.tar.zst" for timestamp in declared]
