"""A reload changes thresholds and nothing else; a bad file changes nothing."""

from typing import Any

from tests.vm.scenarios.service_reload import BAD_LINE

SCENARIO = "service_reload"


def test_a_bad_file_is_refused_and_named(facts: dict[str, Any]) -> None:
    assert "aod.service" in facts["bad"]["systemctl"]
    assert f"/etc/aod/aod.yaml:{BAD_LINE}" in facts["bad"]["message"]
    assert (facts["bad"]["ActiveState"], facts["bad"]["NRestarts"]) == ("active", "0")


def test_the_daemon_refuses_it_too(facts: dict[str, Any]) -> None:
    by_us = [one for one in facts["entries"] if one.get("AOD_STAGE") == "supervisor"]
    assert any(f"aod.yaml:{BAD_LINE}" in one["MESSAGE"] for one in by_us)


def test_after_a_bad_file_the_old_one_holds(facts: dict[str, Any]) -> None:
    assert facts["after_bad"] == facts["before"]
    assert facts["bundles_before"] == []


def test_a_good_file_holds_without_a_new_process_link_or_ring(facts: dict[str, Any]) -> None:
    assert facts["after_good"] == facts["before"]
    assert len(facts["before"]["links"]) > 2


def test_a_bundle_in_the_making_is_sealed_by_the_stop(facts: dict[str, Any]) -> None:
    (declared,) = {one["AOD_TIMESTAMP"] for one in facts["entries"] if one["PRIORITY"] == "1"}
    assert facts["sealed_before_stop"] == []
    assert facts["bundles"] == [f"aod_{declared}.tar.zst"]
    assert facts["end"] == {"ActiveState": "inactive", "Result": "success"}
    assert facts["left"] == []


def test_nobody_loses_what_it_may_do_by_a_reload(facts: dict[str, Any]) -> None:
    """Folders that the unit declares would be taken from the group with every command of it."""
    detect = [one for one in facts["entries"] if one.get("AOD_STAGE") in ("detect", "capture")]
    assert [one["MESSAGE"] for one in detect if one["PRIORITY"] in "0234"] == []
