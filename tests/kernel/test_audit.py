"""What the real daemon writes into the audit log: its life, its workers' deaths, its losses."""

import os
import signal
from pathlib import Path

from scripts.vm.guest.wait import wait_until
from tests.rig.configs import LATENCY
from tests.rig.daemon import LocalDaemon


def test_the_audit_log_tells_the_daemons_life(tmp_path: Path, pin_dir: Path) -> None:
    config = LATENCY | {"cleanup": {"max_total_log_size_mb": 0.001}}
    with LocalDaemon(tmp_path, pin_dir, config) as daemon:
        pid = daemon.wait_for_worker("collect")
        os.kill(pid, signal.SIGKILL)
        daemon.wait_for_log("collect: killed by SIGKILL; respawning in")
        daemon.slow(0)
        daemon.wait_for_bundles(1)
        daemon.slow(1000)
        wait_until(lambda: daemon.audited("deletion"), "a deletion")
        assert daemon.stop() == 0
        found = daemon.audited()
    assert [one["what"] for one in (found[0], found[-1])] == ["start", "stop"]
    assert found[0]["config"] == str(daemon.config_file)
    assert (found[-1]["reason"], found[-1]["exit"]) == ("SIGTERM", 0)
    (respawn,) = [one for one in found if one["what"] == "respawn"]
    assert (respawn["stage"], respawn["how"]) == ("collect", "killed by SIGKILL")
    (deletion,) = [one for one in found if one["what"] == "deletion"]
    assert deletion["reason"] == "max_total_log_size_mb exceeded"
    assert [one["time"] for one in found] == sorted(one["time"] for one in found)


def test_what_the_kernel_lost_is_told(tmp_path: Path, pin_dir: Path) -> None:
    with LocalDaemon(tmp_path, pin_dir, LATENCY | {"ring_mb": 1}) as daemon:
        producer = daemon.producer()
        pid = daemon.wait_for_worker("collect")
        os.kill(pid, signal.SIGSTOP)
        producer.load(30_000, command=5)
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: daemon.audited("loss"), "a loss")
        assert daemon.stop() == 0
        lost = daemon.audited("loss")
        assert {one["lost"] for one in lost} == {"operations: the kernel's ring was full"}
        records_held = (1 << 20) // 72
        assert sum(one["count"] for one in lost) == 30_000 - records_held
