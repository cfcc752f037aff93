"""The folders are made for nobody else, and the lock lets one supervisor in."""

import errno
import fcntl
import logging
import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from aod.config.schema import Config, Guardian
from aod.detectors.latency import Latency
from aod.state.counters import CounterRing
from aod.state.lock import LOCK_NAME, Lock, LockedError, holder
from aod.supervision import folders, teardown
from aod.supervision.folders import FolderError, prepare
from aod.transport.eventlog import EventLog
from aod.transport.position import ReadPosition
from aod.transport.wire import STAGES
from tests.rig.configs import bare

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
LOG = logging.getLogger("test")

PROGRAM = """
import sys
from pathlib import Path
from aod.state.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def configured(root: Path) -> Config:
    return bare(root, aod_output_dir=root / "deep" / "output", pin_dir=root / "pins")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def owner(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


def test_folders_are_made_for_owner_and_group_alone(tmp_path: Path) -> None:
    for umask in (0, 0o077):
        root = tmp_path / f"{umask:o}"
        root.mkdir()
        old = os.umask(umask)
        try:
            prepare(configured(root), LOG)
        finally:
            assert os.umask(old) == umask
        made = ["deep", "state", "run", *(f"run/{name}" for name in STAGES)]
        assert {mode(root / name) for name in made} == {0o750}
        assert mode(root / "deep" / "output") == 0o700
        assert mode(root / "state" / "spool") == 0o770
        assert not (root / "pins").exists()


def test_folders_that_are_there_are_put_right_and_keep_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "state" / "spool").mkdir(0o700, parents=True)
    (tmp_path / "state").chmod(0o700)
    (tmp_path / "state" / "kept").touch()
    (tmp_path / "run").mkdir(0o755)  # open, but nobody's yet
    prepare(configured(tmp_path), LOG)
    prepare(configured(tmp_path), LOG)
    assert [mode(tmp_path / name) for name in ("state", "state/spool", "run")] == [
        *(0o750, 0o770, 0o750)
    ]
    assert (tmp_path / "state" / "kept").exists()


@pytest.mark.parametrize("key", ["state_dir", "runtime_dir"])
def test_folder_that_others_use_is_not_taken_from_them(tmp_path: Path, key: str) -> None:
    folder = tmp_path / ("state" if key == "state_dir" else "run")
    folder.mkdir()
    folder.chmod(0o1777)
    (folder / "anybody's").touch()
    with pytest.raises(FolderError, match=f"{key}: .* open to everybody, and not empty"):
        prepare(configured(tmp_path), LOG)
    assert mode(folder) == 0o1777 & 0o777


def test_output_folder_that_is_there_stays_as_it_is_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = tmp_path / "deep" / "output"
    output.mkdir(parents=True)
    output.chmod(0o700)
    prepare(configured(tmp_path), LOG)
    assert caplog.messages == []
    output.chmod(0o750)
    prepare(configured(tmp_path), LOG)
    assert mode(output) == 0o750
    assert len(caplog.messages) == 1
    assert "can be entered by others than its owner (mode 750)" in caplog.text


def test_link_in_a_folders_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    victim.chmod(0o700)
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o750)
    (tmp_path / "run" / "detect").symlink_to(victim)
    with pytest.raises(FolderError, match="cannot be written"):
        prepare(configured(tmp_path), LOG)
    assert mode(victim) == 0o700
    assert list(victim.iterdir()) == []


@NEEDS_ROOT
def test_folders_belong_to_who_uses_them(tmp_path: Path) -> None:
    config = replace(configured(tmp_path), user="nobody")
    config.aod_output_dir.mkdir(parents=True)
    os.chown(config.aod_output_dir, 1, 1)
    prepare(config, LOG)
    nobody = pwd.getpwnam("nobody")
    owners = dict.fromkeys(("state", "state/spool", "run"), (0, nobody.pw_gid))
    owners |= {f"run/{name}": (0, nobody.pw_gid) for name in STAGES}
    owners["run/detect"] = (nobody.pw_uid, nobody.pw_gid)
    owners["run/cleanup"] = (1, nobody.pw_gid)
    owners["deep/output"] = (1, 1)
    assert {name: owner(tmp_path / name) for name in owners} == owners


@NEEDS_ROOT
def test_what_the_stages_share_is_given_to_the_group(tmp_path: Path) -> None:
    config = replace(configured(tmp_path), user="nobody")
    prepare(config, LOG)
    ReadPosition.open(config.runtime_dir, EventLog.create(config.runtime_dir, 1).position)
    for name in ("detect.sock", "detect/sock"):
        (config.runtime_dir / name).touch()
    folders.share(config)
    gid = pwd.getpwnam("nobody").pw_gid
    found = {one.name: (mode(one), owner(one)) for one in config.runtime_dir.glob("*.*")}
    assert found == {
        "events.log": (0o640, (0, gid)),
        "detect.position": (0o660, (0, gid)),
    }
    assert list((config.runtime_dir / "detect").iterdir()) == []


def test_nothing_is_left_in_them(tmp_path: Path) -> None:
    prepare(configured(tmp_path), LOG)
    left = list((tmp_path / "run").iterdir())
    assert left
    assert all(path.is_dir() for path in left)


@pytest.mark.parametrize("key", ["deep", "state", "run"])
def test_folder_that_cannot_be_made_is_named_with_its_key(tmp_path: Path, key: str) -> None:
    (tmp_path / key).touch()
    with pytest.raises(FolderError, match="cannot be written") as caught:
        prepare(configured(tmp_path), LOG)
    assert str(caught.value).startswith({"deep": "aod_output_dir: "}.get(key, key))


def test_folder_in_a_file_system_that_takes_nothing(tmp_path: Path) -> None:
    config = Config(
        guardian=Guardian(anomalies={"slow": Latency()}), aod_output_dir=Path("/proc/aod")
    )
    with pytest.raises(FolderError, match="aod_output_dir: /proc/aod cannot be written"):
        prepare(config, LOG)


def test_lock_keeps_a_second_one_out_and_names_the_first(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    assert mode(tmp_path / LOCK_NAME) & 0o007 == 0
    assert holder(tmp_path) == os.getpid()
    with pytest.raises(
        LockedError, match=f"in use by another aod-supervisor .pid {os.getpid()}, since 20"
    ):
        Lock(tmp_path)
    assert holder(tmp_path) == os.getpid()
    lock.release()
    assert holder(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    Lock(tmp_path).release()


def test_nobody_holds_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert holder(tmp_path / "missing") is None


def test_death_frees_the_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"pid {first.pid}"):
            Lock(tmp_path)
        first.send_signal(signal.SIGKILL)
    assert (tmp_path / LOCK_NAME).exists()
    assert holder(tmp_path) is None
    Lock(tmp_path).release()


def test_lock_that_its_last_holder_removes_meanwhile_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment between opening and locking, at which the last supervisor ends."""
    last = Lock(tmp_path)
    flock = fcntl.flock

    def late(fd: int, operation: int) -> None:
        monkeypatch.undo()
        last.release()
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    lock = Lock(tmp_path)
    with pytest.raises(LockedError):
        Lock(tmp_path)
    assert holder(tmp_path) == os.getpid()
    lock.release()


def test_link_in_the_locks_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / LOCK_NAME).symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic links"):
        Lock(tmp_path)
    assert (tmp_path / "target").read_text() == "precious"


def test_clean_stop_leaves_nothing(tmp_path: Path) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    lock = Lock(runtime)
    EventLog.create(runtime, 1)
    ReadPosition.open(runtime)
    CounterRing(runtime, 60).close()
    for name in ("detect", "capture"):
        (runtime / name).mkdir()
        (runtime / name / "sock").touch()
    (runtime / "detect" / "detect.new").touch()
    teardown.clear(bare(tmp_path), (), lock, LOG)
    assert not runtime.exists()


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    (tmp_path / "notes").touch()
    teardown.clear(bare(tmp_path, runtime_dir=tmp_path), (), lock, LOG)
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_what_the_unit_does_not_allow_is_said_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = OSError(errno.EROFS, "Read-only file system")
    monkeypatch.setenv("INVOCATION_ID", "0")
    told = str(folders._cannot_be_written("aod_output_dir", Path("/data"), error))
    assert "ReadWritePaths=/data (systemctl edit aod.service)" in told
    monkeypatch.delenv("INVOCATION_ID")
    told = str(folders._cannot_be_written("aod_output_dir", Path("/data"), error))
    assert told.endswith("name another folder, or make it")
