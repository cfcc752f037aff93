"""The service from its installation to its end, judged by systemd's state and the journal."""

import re
from typing import Any

import pytest

from aod.host.capabilities import Capability, to_mask
from tests.unit.test_service import MOST_EXPOSED
from tests.vm.scenarios.service_boot import STAGES

SCENARIO = "service_boot"


def test_installation_says_what_to_do_next(facts: dict[str, Any]) -> None:
    assert "systemctl enable --now aod.service" in facts["installation"]


def test_what_was_installed_is_for_root_and_the_group_alone(facts: dict[str, Any]) -> None:
    assert facts["files"] == {
        "/etc/aod": "750 root:root",
        "/etc/aod/aod.yaml": "640 root:root",
        "/var/lib/aod": "750 root:aod",
        "/var/log/aod": "700 root:root",
        "/etc/systemd/system/aod.service": "644 root:root",
    }


def test_boot_starts_it_without_the_module(facts: dict[str, Any]) -> None:
    before = facts["before"]
    assert (before["UnitFileState"], before["ActiveState"]) == ("enabled", "active")
    assert before["SubState"] == "running"
    assert before["module"] is False
    assert before["StatusText"].startswith("waiting for the cifs module")


def test_the_mount_changes_the_status(facts: dict[str, Any]) -> None:
    assert facts["after"]["module"] is True
    assert facts["after"]["ActiveState"] == "active"
    assert not facts["after"]["StatusText"].startswith("waiting")


def test_the_anomaly_is_an_alert_with_fields(facts: dict[str, Any]) -> None:
    (alert,) = (one for one in facts["entries"] if one["PRIORITY"] == "1")
    name = facts["bundle"].removesuffix(".tar.zst")
    assert alert["AOD_ANOMALY"] == "error"
    assert alert["AOD_ANOMALY_TYPE"] == "Error"
    assert alert["AOD_BUNDLE"] == name
    assert alert["AOD_TIMESTAMP"] == name.removeprefix("aod_")
    assert alert["AOD_STAGE"] == "detect"
    assert alert["SYSLOG_IDENTIFIER"] == "aod"
    assert alert["_TRANSPORT"] == "journal"
    assert "Error anomaly 'error'" in alert["MESSAGE"]


def test_the_sealed_bundle_is_told_with_its_path(facts: dict[str, Any]) -> None:
    (sealed,) = (one for one in facts["entries"] if "sealed aod_" in one["MESSAGE"])
    assert sealed["AOD_BUNDLE"] == f"/var/log/aod/{facts['bundle']}"
    assert sealed["AOD_ANOMALY"] == "error"
    assert sealed["AOD_STAGE"] == "capture"
    assert sealed["PRIORITY"] == "6"


def test_nothing_is_worse_than_the_anomaly(facts: dict[str, Any]) -> None:
    """What the unit forbids is missed by nobody, or there would be an error in the journal."""
    ours = [one for one in facts["entries"] if one.get("SYSLOG_IDENTIFIER") == "aod"]
    assert [one["MESSAGE"] for one in ours if one["PRIORITY"] in "0234"] == []


@pytest.mark.parametrize("stage", [*STAGES, "supervisor"])
def test_no_process_can_become_more(facts: dict[str, Any], stage: str) -> None:
    who = facts["supervisor"] if stage == "supervisor" else facts["processes"][stage]
    assert who["NoNewPrivs"] == "1"
    assert who["Seccomp"] == "2"


@pytest.mark.parametrize(
    ("stage", "kept"),
    [
        ("collect", {Capability.BPF, Capability.PERFMON}),
        ("detect", set()),
        ("capture", set()),  # the one action that is configured reads /proc/mounts
        ("cleanup", set()),
    ],
)
def test_each_stage_has_what_it_needs(
    facts: dict[str, Any], stage: str, kept: set[Capability]
) -> None:
    who = facts["processes"][stage]
    assert int(who["CapEff"], 16) == int(who["CapBnd"], 16) == to_mask(kept)


def test_detect_is_a_user_of_its_own(facts: dict[str, Any]) -> None:
    users = {stage: set(who["Uid"].split()) for stage, who in facts["processes"].items()}
    assert users.pop("detect").isdisjoint({"0"})
    assert set.union(*users.values()) == {"0"}


def test_the_exposure_is_low(facts: dict[str, Any]) -> None:
    exposure = re.search(r"exposure level for aod\.service: (\d+\.\d+)", facts["exposure"])
    assert exposure
    assert float(exposure[1]) <= MOST_EXPOSED


def test_the_stop_leaves_nothing(facts: dict[str, Any]) -> None:
    assert facts["end"] == {
        "ActiveState": "inactive",
        "Result": "success",
        "ExecMainStatus": "0",
        "NRestarts": "0",
    }
    assert facts["left"] == []
    assert facts["left_processes"] == []
