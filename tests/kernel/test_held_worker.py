"""A worker that the kernel holds, where no signal ends it: its successor is started beside it."""

import signal
from pathlib import Path

from scripts.vm.guest.wait import wait_until
from tests.kernel.fuse import hanging_file
from tests.rig.fake_daemon import Daemon

POLICY = {"heartbeat_timeout_sec": 2, "first_delay_sec": 0.01, "drain_timeout_sec": 1}


def test_worker_that_the_kernel_holds_gets_a_successor_and_the_stop_does_not_wait(
    tmp_path: Path,
) -> None:
    with (
        hanging_file(tmp_path / "mount") as hanging,
        Daemon.started(tmp_path, {"cleanup": f"reads {hanging.path}"}, policy=POLICY) as daemon,
    ):
        first = daemon.expect("started", "cleanup")
        assert hanging.asked.wait(20)
        second = daemon.expect("started", "cleanup")
        assert second["pid"] != first["pid"]
        assert Path(f"/proc/{first['pid']}").exists()
        daemon.signal(signal.SIGTERM)
        wait_until(lambda: daemon.process.poll() is not None, "the end of the supervisor", 30)
        assert daemon.process.returncode == 0
        assert f"cleanup: pid {first['pid']} killed, but held by the kernel" in daemon.stderr
        assert f"cleanup: pid {second['pid']} killed, but held by the kernel" in daemon.stderr
        assert not daemon.runtime_dir.exists()
