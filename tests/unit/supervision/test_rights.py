"""What each stage keeps of root's rights, decided and done: real processes, as /proc shows them."""

import errno
import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aod.actions.table import ACTIONS
from aod.config.schema import Config, Guardian
from aod.detectors.latency import Latency
from aod.host.capabilities import Capability, to_mask
from aod.host.users import ROOT, UserIds
from aod.settings import ActionName
from aod.supervision import rights
from scripts.vm.tools import REPO
from tests.rig.configs import config
from tests.unit.documents import manual_text

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="there is nothing to give up")
NOBODY = UserIds(pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
CHILD = """
import sys, json
from pathlib import Path
from aod import log
from aod.host import privileges
from aod.host.users import UserIds
from aod.host.capabilities import Capability
from tests.unit.supervision.unprivileged import report
uid, filtered, kept, later = json.loads(sys.argv[1])
sets = [frozenset(map(Capability, one)) for one in (kept, later)]
rights = privileges.Rights(ids=UserIds(uid, uid), groups=(uid,), filtered=filtered,
                           capabilities=sets[0], later=sets[1])
privileges.drop(rights, log.ROOT)
begun = report()
privileges.narrow()
print(json.dumps([begun, report()]))
"""


def configured(root: Path, *actions: ActionName, user: str = "nobody") -> Config:
    guardian = Guardian(anomalies={"slow": Latency(actions=actions)})
    return replace(config(root), guardian=guardian, user=user)


def child(uid: int, *, filtered: bool = False, kept: Any = (), later: Any = ()) -> Any:
    """What a process that gave up its rights says of itself: before `narrow`, and after it."""
    told = json.dumps([uid, filtered, sorted(kept), sorted(later)])
    command = [sys.executable, "-c", CHILD, told]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def test_collect_keeps_what_maps_need_once_it_has_begun(tmp_path: Path) -> None:
    found = rights.for_stage("collect", configured(tmp_path))
    assert found.later == rights.COLLECT == {Capability.BPF, Capability.PERFMON}
    assert found.capabilities >= rights.COLLECT
    assert found.ids == UserIds(0, NOBODY.gid)


def test_detect_is_another_user_without_any(tmp_path: Path) -> None:
    found = rights.for_stage("detect", configured(tmp_path))
    assert (found.ids, found.groups, found.capabilities) == (NOBODY, (NOBODY.gid,), frozenset())
    assert found.filtered


def test_without_that_user_it_is_root_without_any(tmp_path: Path) -> None:
    found = rights.for_stage("detect", configured(tmp_path, user="no-such-user"))
    assert (found.ids, found.groups, found.capabilities) == (ROOT, (0,), frozenset())
    assert found.filtered


@NEEDS_ROOT
def test_cleanup_is_the_output_folders_owner_without_any(tmp_path: Path) -> None:
    made = configured(tmp_path)
    assert rights.for_stage("cleanup", made).ids == ROOT
    os.chown(made.aod_output_dir, 33, 44)
    found = rights.for_stage("cleanup", made)
    assert (found.ids, found.capabilities) == (UserIds(33, 44), frozenset())
    made.aod_output_dir.rmdir()
    assert rights.for_stage("cleanup", made).ids == ROOT


@NEEDS_ROOT
def test_capture_has_what_its_actions_need_and_no_more(tmp_path: Path) -> None:
    def kept(*actions: ActionName) -> frozenset[Capability]:
        return rights.for_stage("capture", configured(tmp_path, *actions)).capabilities

    assert kept(ActionName.MOUNTS, ActionName.SOCKETS, ActionName.DEBUGDATA) == frozenset()
    assert kept(ActionName.DMESG) == {Capability.SYSLOG}
    assert kept(ActionName.DMESG, ActionName.SYSLOGS) == {
        Capability.SYSLOG,
        Capability.DAC_READ_SEARCH,
    }
    assert Capability.SYS_ADMIN in kept(ActionName.STACKS)
    assert Capability.SYS_ADMIN not in kept(*(set(ActionName) - {ActionName.STACKS}))
    made = configured(tmp_path)
    os.chown(made.aod_output_dir, *NOBODY)
    assert kept() == rights.FOREIGN_OUTPUT


@NEEDS_ROOT
def test_action_that_is_not_allowed_gets_capture_nothing(tmp_path: Path) -> None:
    made = configured(tmp_path, ActionName.DMESG)
    watcher = type(made.watcher)(actions=(ActionName.MOUNTS,))
    assert rights.for_capture(replace(made, watcher=watcher)) == frozenset()


@NEEDS_ROOT
def test_folders_behind_a_door_of_somebody_elses_need_a_key(tmp_path: Path) -> None:
    behind = tmp_path / "home"
    behind.mkdir()
    made = replace(configured(tmp_path), runtime_dir=behind / "run")
    for owner, mode, needed in ((0, 0o700, False), (33, 0o700, True), (33, 0o711, False)):
        os.chown(behind, owner, owner)
        behind.chmod(mode)
        for stage in ("collect", "capture"):
            found = rights.for_stage(stage, made)
            last = found.capabilities if found.later is None else found.later
            assert (Capability.DAC_READ_SEARCH in last) == needed


def test_every_privilege_of_an_action_has_its_reason() -> None:
    rows = [why for action in ACTIONS for why in action.privileges.values()]
    assert rows
    assert all(rows)


def test_the_manual_has_the_privileges_of_every_action() -> None:
    entries = manual_text.entries(manual_text.sections("aod-security.7")["PROCESSES"])
    for action in ACTIONS:
        names = " ".join(one.name for one in action.privileges)
        shown = entries.get(f"*{action.name}*", "").partition(":")[0]
        assert shown == names, action.name


def test_mask_is_a_bit_each() -> None:
    assert to_mask([Capability.CHOWN, Capability.BPF, Capability.BPF]) == 1 | 1 << 39


@NEEDS_ROOT
def test_what_is_kept_is_all_that_is_left() -> None:
    kept = {Capability.BPF, Capability.SYSLOG, Capability.SETPCAP}
    begun, then = child(0, kept=kept, later={Capability.BPF})
    for told, wanted in ((begun, to_mask(kept)), (then, to_mask({Capability.BPF}))):
        assert told["status"]["CapInh"] == told["status"]["CapAmb"] == 0
        for name in ("CapPrm", "CapEff", "CapBnd"):
            assert told["status"][name] == wanted
        assert told["status"]["NoNewPrivs"] == 1
        assert told["status"]["Seccomp"] == 0
        assert told["of a child"] & ~wanted == 0  # a program of root's gets no more by its start


@NEEDS_ROOT
def test_another_user_has_nothing_left_and_is_that_user_wholly() -> None:
    _, told = child(NOBODY.uid, filtered=True)
    status = told["status"]
    assert status["Uid"] == status["Gid"] == [NOBODY.uid] * 4
    assert status["Groups"] == [NOBODY.uid]
    assert [status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == [0] * 5
    assert (status["NoNewPrivs"], status["Seccomp"]) == (1, 2)


@NEEDS_ROOT
@pytest.mark.parametrize("uid", [0, NOBODY.uid])
def test_the_filter_refuses_what_a_stage_never_asks_for(uid: int) -> None:
    refused = child(uid, filtered=True)[0]["calls"]
    allowed = {"thread", "unix socket", "eventfd", "memfd"}
    assert {name for name, error in refused.items() if error == 0} == allowed
    assert {name: error for name, error in refused.items() if error} == {
        name: errno.ENOSYS if name == "clone3" else errno.EPERM for name in {*refused} - allowed
    }


@NEEDS_ROOT
def test_without_the_filter_they_fail_for_other_reasons() -> None:
    """So that the test above says something of the filter."""
    calls = child(0, kept={Capability.SYS_ADMIN})[0]["calls"]
    assert {name for name, error in calls.items() if error == errno.EPERM} <= {"syslog"}


def test_what_a_stage_makes_is_for_the_group_whoever_started_it(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from aod import files, log
from aod.host import privileges
from aod.host.users import myself
privileges.drop(privileges.Rights(ids=myself(), groups=()), log.ROOT)
files.create_fd(Path({str(tmp_path / "made")!r}))
"""
    subprocess.run([sys.executable, "-c", program], check=True, umask=0o077)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o640


def test_the_unit_has_what_any_configuration_needs_but_what_it_gives_otherwise() -> None:
    """The journal has the kernel's messages, too, and LimitMEMLOCK= makes room for maps."""
    unit = (REPO / "conf" / "aod.service").read_text()
    lines = [line for line in unit.splitlines() if line.startswith("CapabilityBoundingSet=")]
    named = {name.removeprefix("CAP_") for line in lines for name in line.split("=")[1].split()}
    ours = {one for action in ACTIONS for one in action.privileges}
    ours |= rights.SUPERVISOR | rights.COLLECT_LOADING | rights.FOREIGN_OUTPUT
    otherwise = {Capability.SYSLOG, Capability.SYS_RESOURCE}
    assert {Capability[name] for name in named} == ours - otherwise
