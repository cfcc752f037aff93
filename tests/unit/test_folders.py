"""The folders are made for nobody else, and the lock lets one supervisor in."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aod import folders
from aod.config import Config, Guardian
from aod.counters import CounterRing
from aod.detectors.latency import Latency
from aod.eventlog import EventLog, ReadPosition
from aod.folders import FolderError, Lock, LockedError, clear_runtime, holder, prepare

PROGRAM = """
import sys
from pathlib import Path
from aod.folders import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def configured(root: Path) -> Config:
    return Config(
        guardian=Guardian(anomalies={"slow": Latency()}),
        aod_output_dir=root / "deep" / "output",
        state_dir=root / "state",
        runtime_dir=root / "run",
        pin_dir=root / "pins",
    )


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_folders_are_made_for_owner_and_group_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        prepare(configured(tmp_path))
    finally:
        assert os.umask(old) == 0
    made = ["deep", "deep/output", "state", "state/spool", "run"]
    assert [mode(tmp_path / name) for name in made] == [0o750] * len(made)
    assert not (tmp_path / "pins").exists()


def test_folders_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o700)
    (tmp_path / "state" / "kept").touch()
    prepare(configured(tmp_path))
    prepare(configured(tmp_path))
    assert mode(tmp_path / "state") == 0o700
    assert (tmp_path / "state" / "kept").exists()


def test_nothing_is_left_in_them(tmp_path: Path) -> None:
    prepare(configured(tmp_path))
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("key", ["deep", "state", "run"])
def test_folder_that_cannot_be_made_is_named_with_its_key(tmp_path: Path, key: str) -> None:
    (tmp_path / key).touch()
    with pytest.raises(FolderError, match="cannot be written") as caught:
        prepare(configured(tmp_path))
    assert str(caught.value).startswith({"deep": "aod_output_dir: "}.get(key, key))


def test_folder_in_a_file_system_that_takes_nothing(tmp_path: Path) -> None:
    config = Config(
        guardian=Guardian(anomalies={"slow": Latency()}), aod_output_dir=Path("/proc/aod")
    )
    with pytest.raises(FolderError, match="aod_output_dir: /proc/aod cannot be written"):
        prepare(config)


def test_lock_keeps_a_second_one_out_and_names_the_first(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    assert mode(tmp_path / folders.LOCK_NAME) & 0o007 == 0
    assert holder(tmp_path) == os.getpid()
    with pytest.raises(LockedError, match=f"in use by another aod-supervisor .pid {os.getpid()}."):
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
    assert (tmp_path / folders.LOCK_NAME).exists()
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
    (tmp_path / folders.LOCK_NAME).symlink_to(tmp_path / "target")
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
    (runtime / "detect.sock").touch()
    clear_runtime(runtime, lock)
    assert not runtime.exists()


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    (tmp_path / "notes").touch()
    clear_runtime(tmp_path, lock)
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
