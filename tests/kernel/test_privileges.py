"""The whole daemon with the rights of each of its processes, and whose its files are: as /proc and
the file system show it, on the real ring."""

import os
import pwd
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aod.config.load import load
from aod.host.capabilities import to_mask
from aod.host.users import UserIds
from aod.settings import ActionName
from aod.state.names import AUDIT_FILE
from aod.supervision import rights
from aod.transport.wire import STAGES
from scripts.vm.guest.wait import wait_until
from tests.rig.bundles import open_bundle
from tests.rig.configs import latency
from tests.rig.daemon import LocalDaemon

NOBODY = UserIds(pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
HERE = {
    *(ActionName.MOUNTS, ActionName.STACKS, ActionName.SYSTEM, ActionName.DMESG),
    *(ActionName.SOCKETS, ActionName.TCPDUMP),
}
"""What every host with root has; the others need the cifs module, or a log."""
GUARD = """
import sys
from aod.host import privileges
drop = privileges.drop

class Guard:
    def __init__(self, log):
        self.log = log

    def find_spec(self, name, path=None, target=None):
        self.log.error("late import of %s", name)

def guarded(kept, log):
    drop(kept, log)
    sys.meta_path.insert(0, Guard(log))

privileges.drop = guarded
from aod.cli.entry import supervisor
sys.exit(supervisor())
"""


def configured(user: str = "nobody", actions: set[ActionName] = HERE) -> dict[str, Any]:
    return latency(actions=sorted(map(str, actions))) | {"user": user}


@pytest.fixture(params=[0o022, 0o077, 0])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    old = os.umask(request.param)
    yield
    os.umask(old)


def status_of(pid: int) -> dict[str, list[int]]:
    lines = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    found = {name: [int(lines[name], 16)] for name in lines if name.startswith("Cap")}
    wanted = ("Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp")
    return found | {name: [*map(int, lines[name].split())] for name in wanted}


def promised(stage: str, daemon: LocalDaemon, before: int) -> dict[str, list[int]]:
    """What aod/supervision/rights.py grants, of what the supervisor has."""
    kept = rights.for_stage(stage, load(daemon.config_file).config)
    capabilities = kept.capabilities if kept.later is None else kept.later
    mask = [to_mask(capabilities) & before]
    return {
        "Uid": [kept.ids.uid] * 4,
        "Gid": [kept.ids.gid] * 4,
        "Groups": [*kept.groups],
        "NoNewPrivs": [1],
        "Seccomp": [2 if kept.filtered else 0],
        "CapInh": [0],
        "CapAmb": [0],
        "CapPrm": mask,
        "CapEff": mask,
        "CapBnd": mask,
    }


def bundle_of(daemon: LocalDaemon) -> dict[str, Any]:
    """Make one; its manifest."""
    known = set(daemon.bundles())
    daemon.slow()
    (made,) = wait_until(lambda: set(daemon.bundles()) - known, "its bundle", 60)
    return open_bundle(made).manifest


def owners(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Of a folder and all that is in it: user, group, and type with mode."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        name = str(path.relative_to(folder))
        found[name] = (status.st_uid, status.st_gid, stat.filemode(status.st_mode))
    return found


@pytest.mark.parametrize("user", ["nobody", "no-such-user"])
def test_each_process_has_what_is_promised_and_a_bundle_is_made(
    base: Path, pin_dir: Path, user: str
) -> None:
    with LocalDaemon(base, pin_dir, configured(user)) as daemon:
        assert {one["status"] for one in bundle_of(daemon)["sources"]} == {"ok"}
        before = status_of(daemon.process.pid)["CapPrm"][0]
        for stage in STAGES:
            pid = daemon.wait_for_worker(stage)
            assert status_of(pid) == promised(stage, daemon, before)
        assert ("there is no user" in daemon.log()) == (user != "nobody")
        assert daemon.stop() == 0
    assert not daemon.runtime_dir.exists()
    assert list((daemon.state_dir / "spool").iterdir()) == []
    assert not pin_dir.exists()


@pytest.mark.usefixtures("umask")
def test_files_belong_to_who_needs_them_whatever_the_umask(base: Path, pin_dir: Path) -> None:
    with LocalDaemon(base, pin_dir, configured(actions={ActionName.MOUNTS})) as daemon:
        bundle_of(daemon)
        wait_until((daemon.runtime_dir / "detect" / "detect.json").exists, "detect's report")
        wait_until((daemon.runtime_dir / "names.json").exists, "the names")
        os.kill(daemon.wait_for_worker("capture"), signal.SIGSTOP)
        daemon.slow()
        (entry,) = wait_until(lambda: [*daemon.state_dir.glob("spool/*.json")], "an entry")
        found = {
            name: owners(getattr(daemon, name))
            for name in ("runtime_dir", "state_dir", "output_dir")
        }
        os.kill(daemon.wait_for_worker("capture"), signal.SIGCONT)
        daemon.wait_for_bundles(2)
    gid = NOBODY.gid
    stages = dict.fromkeys(STAGES, (0, gid, "drwxr-x---"))
    sockets = {f"{name}/sock": (0, gid, "srw-rw----") for name in STAGES}
    shared = {
        ".": (0, gid, "drwxr-x---"),
        **stages,
        **sockets,
        "detect": (*NOBODY, "drwxr-x---"),
        "detect/sock": (*NOBODY, "srw-rw----"),
        "detect/detect.json": (*NOBODY, "-rw-r-----"),
        "events.log": (0, gid, "-rw-r-----"),
        "detect.position": (0, gid, "-rw-rw----"),
        "counters.ring": (0, gid, "-rw-r-----"),
        "names.json": (0, gid, "-rw-r-----"),
    }
    assert {name: found["runtime_dir"].get(name) for name in shared} == shared
    for name, (uid, group, mode) in found["runtime_dir"].items() - shared.items():
        assert (uid, mode[-4:], mode[5]) == (0, "----", "-"), name  # root's alone to write
        assert group in {0, gid}, name
    assert found["state_dir"] == {
        ".": (0, gid, "drwxr-x---"),
        "spool": (0, gid, "drwxrwx---"),
        f"spool/{entry.name}": (*NOBODY, "-rw-r-----"),
    }
    assert found["output_dir"]["."] == (0, 0, "drwx------")
    assert {one[:2] for one in found["output_dir"].values()} == {(0, 0)}
    assert all(one[2].endswith("---") for one in found["output_dir"].values())


def test_bundles_in_another_users_folder(base: Path, pin_dir: Path) -> None:
    """capture writes there, cleanup deletes as that user, and all of them write the audit log."""
    (base / "out").mkdir(0o700)
    os.chown(base / "out", *NOBODY)
    keep_one = {"cleanup": {"max_total_log_size_mb": 0.003, "cleanup_interval_sec": 1}}
    config = configured(actions={ActionName.MOUNTS}) | keep_one
    with LocalDaemon(base, pin_dir, config) as daemon:
        before = status_of(daemon.process.pid)["CapPrm"][0]
        for _ in range(3):
            bundle_of(daemon)
        for stage in STAGES:
            pid = daemon.wait_for_worker(stage)
            assert status_of(pid) == promised(stage, daemon, before)
        wait_until(lambda: daemon.audited("deletion"), "what cleanup writes")
        assert daemon.stop() == 0
    log = (daemon.output_dir / AUDIT_FILE).lstat()
    assert (log.st_uid, log.st_gid, log.st_mode & 0o777) == (*NOBODY, 0o640)
    kinds = {one["what"] for one in daemon.audited()}
    assert {"start", "declaration", "capture_sealed", "deletion", "stop"} <= kinds
    assert "loss" not in kinds
    assert "audit log" not in daemon.log()


def test_detect_and_cleanup_import_nothing_late(base: Path, pin_dir: Path) -> None:
    """Their users may not be able to read the program's files: a checkout below /root."""
    program = base / "aod-supervisor"
    program.write_text(f"#!{sys.executable}\n{GUARD}")
    program.chmod(0o700)
    daemon = LocalDaemon(base, pin_dir, configured())
    daemon.command[0] = str(program)
    with daemon:
        bundle_of(daemon)
        assert daemon.stop() == 0
    late = [line for line in daemon.log().splitlines() if "late import" in line]
    assert any("aod.collect" in line for line in late)  # which may, as long as it loads
    assert [line for line in late if "aod.detect" in line or "aod.cleanup" in line] == []
