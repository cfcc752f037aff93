"""A daemon that cannot do its work says which worker, how it ended, and why, and ends with 1; one
whose output folder hangs goes on."""

import ctypes
import os
from pathlib import Path

from scripts.vm.guest.wait import wait_until
from tests.kernel.fuse import hanging_folder
from tests.rig import configs
from tests.rig.daemon import LocalDaemon

CONFIG = {
    **configs.LATENCY,
    "supervision": {
        "attempts": 3,
        "first_delay_sec": 0.01,
        "longest_delay_sec": 0.05,
        "window_sec": 0.01,
    },
}
AT_FDCWD = -100
RENAME_EXCHANGE = 2
GIVEN_UP = "giving up: it did not start 3 times in a row"


def last_words(daemon: LocalDaemon) -> str:
    (line,) = [line for line in daemon.log().splitlines() if "giving up" in line]
    return line


def test_bad_object(tmp_path: Path, pin_dir: Path) -> None:
    """It was good when the daemon looked at it, and is not when collect loads it."""
    daemon = LocalDaemon(tmp_path, pin_dir, CONFIG)
    object_file = tmp_path / "object.o"
    object_file.write_bytes(Path(daemon.environment["AOD_BPF_OBJECT"]).read_bytes())
    daemon.environment["AOD_BPF_OBJECT"] = str(object_file)
    with daemon:
        object_file.write_bytes(b"\x7fELF garbage")
        pid = daemon.wait_for_worker("collect")
        os.kill(pid, 9)
        assert daemon.process.wait(60) == 1
    assert "collect: exited with status 1 (TracerError: " in last_words(daemon)
    assert "is not a proper ELF object" in last_words(daemon)
    assert GIVEN_UP in last_words(daemon)
    assert not daemon.runtime_dir.exists()


def test_pins_that_collect_may_not_make(tmp_path: Path, pin_dir: Path) -> None:
    """In another user's folder: root's collect has given up the right to write there."""
    pin_dir.mkdir()
    os.chown(pin_dir, 65534, 65534)
    pin_dir.chmod(0o700)
    try:
        daemon = LocalDaemon(tmp_path, pin_dir / "pins", CONFIG)
        daemon.start()
        assert daemon.process.wait(60) == 1
        assert "collect: exited with status 1 (TracerError: " in last_words(daemon)
        assert "Permission denied" in last_words(daemon)
        assert GIVEN_UP in last_words(daemon)
    finally:
        pin_dir.rmdir()


def test_a_right_that_is_missing(tmp_path: Path, pin_dir: Path) -> None:
    """Without CAP_BPF no worker is even started."""
    daemon = LocalDaemon(tmp_path, pin_dir, CONFIG)
    drop = ("setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-bpf,-sys_admin")
    done = daemon.run("aod-supervisor", under=drop)
    assert done.returncode == 3
    assert "CAP_BPF missing" in done.stderr


def test_output_folder_that_hangs_holds_up_nobody(tmp_path: Path, pin_dir: Path) -> None:
    """Neither the workers, nor the supervisor, nor the stop; the kernel holds who asked there."""
    config = CONFIG | {
        "supervision": {"heartbeat_timeout_sec": 3, "drain_timeout_sec": 2},
        "cleanup": {"cleanup_interval_sec": 0.5},
    }
    with LocalDaemon(tmp_path, pin_dir, config) as daemon:
        workers = daemon.pids()[1:]
        with hanging_folder(tmp_path / "mount") as hanging:
            link = tmp_path / "link"
            link.symlink_to(hanging.path.parent)
            exchange(link, daemon.output_dir)
            assert hanging.asked.wait(20)
            detect = daemon.wait_for_worker("detect")
            os.kill(detect, 9)  # a record is to be written
            daemon.wait_for_worker("detect", other_than=detect)
            for number in range(8):  # longer than anyone may be silent
                daemon.producer().load(10, first_mid=1 + 10 * number)
                wait_until(lambda n=number: daemon.status().read == 10 * (n + 1), "them")  # type: ignore[misc]
                wait_until(lambda n=number: beats(daemon) > n, "the next second")  # type: ignore[misc]
            assert set(workers) - set(daemon.pids()) == {detect}
            assert daemon.stop(30) in (0, 1)
        assert "alive but silent" not in daemon.log()


def exchange(one: Path, other: Path) -> None:
    """Give each the other's name, at once: the daemon makes a folder that is missing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), f"exchanging {one} and {other}")


def beats(daemon: LocalDaemon) -> int:
    """Seconds for which the daemon has run by its own account."""
    return int(Path("/proc/uptime").read_text().split(".")[0]) - started(daemon)


def started(daemon: LocalDaemon) -> int:
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) // os.sysconf("SC_CLK_TCK")
