"""The systemd unit, its user and its folders, as systemd's own tools judge them."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.vm.tools import REPO

CONF: Final = REPO / "conf"
UNIT: Final = CONF / "aod.service"
MOST_EXPOSED: Final = 3.4
PROGRAM: Final = "/opt/aod/bin/aod-supervisor"


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def settings() -> Iterator[tuple[str, str]]:
    """The unit's lines, without sections and comments."""
    for line in UNIT.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            yield name, value


def test_exposure_is_low() -> None:
    done = run("systemd-analyze", "security", "--offline=true", UNIT)
    told = re.search(r"Overall exposure level for aod\.service: (\d+\.\d+)", done.stdout)
    assert told, done.stderr
    assert float(told[1]) <= MOST_EXPOSED


def test_what_is_not_restricted_has_its_reason_in_the_unit() -> None:
    done = run("systemd-analyze", "security", "--offline=true", "--json=short", UNIT)
    exposed = {one["json_field"] for one in json.loads(done.stdout) if one["exposure"]}
    text = UNIT.read_text()
    switches = {"ProtectKernelTunables", "ProtectKernelModules", "ProcSubset", "PrivateNetwork"}
    switches |= {"PrivateUsers", "ProtectHome", "UserOrDynamicUser"}
    reasons = {name: re.search(rf"^# .*\b{name}=", text, re.MULTILINE) for name in switches}
    reasons["UserOrDynamicUser"] = re.search(r"^# .*\bUser=", text, re.MULTILINE)
    reasons["ProtectHome"] = re.search(r"^# .*\n(?:# .*\n)?ProtectHome=", text, re.MULTILINE)
    assert [name for name, found in reasons.items() if not found] == []
    # The rest are lists, and what each entry of them is for stands beside the list.
    lists = ("CapabilityBoundingSet_", "RestrictAddressFamilies_", "SystemCallFilter_")
    rest = {name for name in exposed - switches if not name.startswith(lists)}
    assert rest <= {"RootDirectoryOrRootImage", "DeviceAllow"}


def test_every_line_is_understood() -> None:
    done = run("systemd-analyze", "verify", "--recursive-errors=no", UNIT)
    said = [line for line in done.stderr.splitlines() if "is not executable" not in line]
    assert said == []


def test_every_capability_is_explained() -> None:
    wanted = {
        one
        for name, value in settings()
        if name == "CapabilityBoundingSet"
        for one in value.split()
    }
    comments = " ".join(one for one in UNIT.read_text().splitlines() if one.startswith("#"))
    assert {one for one in wanted if one.removeprefix("CAP_") not in comments} == set()


def test_the_watchdog_is_more_patient_than_the_supervisor_with_its_workers() -> None:
    """A worker that is silent is replaced, and beats again, before systemd loses its patience."""
    from aod.config.schema import Supervision

    told = dict(settings())
    policy = Supervision()
    assert float(told["WatchdogSec"]) > 2 * policy.heartbeat_timeout_sec
    assert float(told["WatchdogSec"]) > policy.longest_delay_sec + policy.heartbeat_timeout_sec
    assert float(told["TimeoutStopSec"]) > 2 * policy.drain_timeout_sec


def test_users_and_folders_are_understood(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    users = run("systemd-sysusers", "--dry-run", f"--root={tmp_path}", CONF / "aod.sysusers")
    assert users.returncode == 0, users.stderr
    assert "aod" in users.stderr + users.stdout
    for kind, path, mode, owner, group in (
        line.split()
        for line in (CONF / "aod.tmpfiles").read_text().splitlines()
        if not line.startswith("#")
    ):
        assert (kind, mode[0], mode[3], owner) == ("d", "0", "0", "root"), path
        assert group in ("root", "aod")
