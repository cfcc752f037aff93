"""The output folder: full, read-only, gone. Anomalies wait, and are captured when it is back."""

import shutil
import subprocess
from pathlib import Path

from aod.state import spool
from scripts.vm.guest.wait import wait_until
from tests.kernel.faults import Faulty, faulty, small_disk


def waiting(rig: Faulty) -> int:
    return len(spool.pending(rig.daemon.state_dir / spool.FOLDER))


def test_a_disk_that_is_full_when_the_bundle_is_packed(tmp_path: Path, pin_dir: Path) -> None:
    """What was collected stays for the next try, and nothing fails permanently meanwhile.

    The folder fits on the disk; the archive, of the same size, does not beside it.
    """
    with small_disk(tmp_path / "out", 1400) as out, faulty(tmp_path, pin_dir) as rig:
        pid = rig.daemon.process.pid
        rig.fake("head -c 900000 /dev/urandom")
        rig.trigger()
        rig.daemon.wait_for_log("no space is left")
        wait_until(lambda: rig.daemon.audited("capture_waits"), "a word in the audit log")
        assert waiting(rig) == 1
        assert not list(out.glob(".*.tmp"))
        assert not rig.daemon.bundles()
        subprocess.run(["mount", "-o", "remount,size=64m", str(out)], check=True)
        rig.daemon.wait_for_bundles(1)
        rig.daemon.wait_for_log("bundles can be written again")
        assert "failed permanently" not in rig.daemon.log()
        assert rig.daemon.audited("capture_failed") == []
        rig.check_well(pid)


def test_a_disk_below_the_floor(tmp_path: Path, pin_dir: Path) -> None:
    with (
        small_disk(tmp_path / "out", 16 << 10) as out,
        faulty(tmp_path, pin_dir, min_free_mb=8) as rig,
    ):
        pid = rig.daemon.process.pid
        rig.fake(f"head -c 12000000 /dev/zero > {out / 'other'}; exec sleep 1000")
        rig.trigger()  # the disk gets short while it runs
        rig.daemon.wait_for_bundles(1)
        (sealed,) = wait_until(lambda: rig.daemon.audited("capture_sealed"), "a word of it")
        assert "timed_out" in sealed["sources"]
        rig.trigger()
        (waits,) = wait_until(lambda: rig.daemon.audited("capture_waits"), "a word of the next one")
        assert "less than the floor" in waits["why"]
        assert len(rig.daemon.bundles()) == 1
        assert rig.daemon.log().count("less than the floor") == 1
        (out / "other").unlink()
        rig.daemon.wait_for_bundles(2)
        (out / "other").unlink(missing_ok=True)
        rig.check_well(pid)


def test_an_output_folder_that_is_read_only_for_a_while(tmp_path: Path, pin_dir: Path) -> None:
    with small_disk(tmp_path / "out", 16 << 10) as out, faulty(tmp_path, pin_dir) as rig:
        pid = rig.daemon.process.pid
        subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
        rig.daemon.wait_for_log("read-only")
        rig.trigger()
        wait_until(lambda: waiting(rig) == 1, "the anomaly in the spool")
        wait_until(lambda: "is not written" in rig.daemon.log(), "a word on the audit log")
        subprocess.run(["mount", "-o", "remount,rw", str(out)], check=True)
        rig.daemon.wait_for_bundles(1)
        assert [one["lost"] for one in rig.daemon.audited("loss")] == ["audit records"]
        assert rig.daemon.log().count("its file system is read-only") == 1
        rig.check_well(pid)


def test_an_output_folder_that_is_deleted_under_a_capture(tmp_path: Path, pin_dir: Path) -> None:
    with faulty(tmp_path, pin_dir) as rig:
        pid = rig.daemon.process.pid
        rig.capture()
        gate = tmp_path / "gate"
        rig.fake(f"while [ ! -e {gate} ]; do sleep 0.01; done")
        rig.trigger()
        wait_until(lambda: list(rig.daemon.output_dir.glob("aod_*[0-9]/system.log")), "its folder")
        shutil.rmtree(rig.daemon.output_dir)
        gate.touch()
        rig.daemon.wait_for_bundles(1)
        wait_until(lambda: waiting(rig) == 0, "the end of its spool entry")
        rig.check_well(pid)
