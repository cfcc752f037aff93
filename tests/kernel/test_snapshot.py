"""Snapshots of the real daemon: by signal, by command, at its stop."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from aod.transport.wire import STAGES
from scripts.vm.guest.wait import wait_until
from tests.kernel.test_stage_live import _stage, _takes_signals
from tests.rig.bundles import open_bundle
from tests.rig.configs import LATENCY
from tests.rig.daemon import LocalDaemon, Result


def snapshot(daemon: LocalDaemon, *arguments: str) -> Result:
    return daemon.run("aod", "snapshot", *arguments)


def anomaly_in(bundle: Path) -> dict[str, Any]:
    return open_bundle(bundle).json("anomaly.json")


def test_a_person_gets_a_sealed_bundle_of_everything_configured(
    tmp_path: Path, pin_dir: Path
) -> None:
    with LocalDaemon(tmp_path, pin_dir, LATENCY) as daemon:
        result = snapshot(daemon, "--wait")
        assert (result.returncode, result.stderr) == (0, "")
        (bundle,) = daemon.bundles()
        assert result.stdout == f"{bundle}\n"
        assert {"mounts.log", "stats.log"} <= set(open_bundle(bundle).files)
        assert anomaly_in(bundle)["anomaly"] == "Snapshot"
        result = snapshot(daemon)
        assert result.returncode == 0
        wait_until(Path(result.stdout.strip()).exists, "the second bundle")


def test_without_a_daemon_it_says_what_to_do(tmp_path: Path, pin_dir: Path) -> None:
    result = snapshot(LocalDaemon(tmp_path, pin_dir, LATENCY))
    assert (result.returncode, result.stdout) == (1, "")
    assert "aod-stage capture --now" in result.stderr


def test_without_capture_nothing_is_sealed_and_it_says_so(tmp_path: Path, pin_dir: Path) -> None:
    with LocalDaemon(tmp_path, pin_dir, LATENCY, "--without", "capture") as daemon:
        result = snapshot(daemon, "--wait", "0.2")
    assert (result.returncode, result.stdout) == (1, "")
    assert "not sealed in time" in result.stderr


def test_each_signal_makes_a_bundle_while_workers_come_and_go(
    tmp_path: Path, pin_dir: Path
) -> None:
    with LocalDaemon(tmp_path, pin_dir, LATENCY) as daemon:
        for count, stage in enumerate(STAGES, 1):
            pid = daemon.wait_for_worker(stage)
            os.kill(pid, signal.SIGKILL)
            daemon.process.send_signal(signal.SIGUSR1)
            daemon.wait_for_bundles(count, 40)
        assert {anomaly_in(one)["rule"] for one in daemon.bundles()} == {"manual"}
        assert daemon.process.poll() is None


def test_a_storm_of_signals_makes_two(tmp_path: Path, pin_dir: Path) -> None:
    config = LATENCY | {"capture": {"post_sec": 0, "max_concurrent_captures": 1}}
    with LocalDaemon(tmp_path, pin_dir, config) as daemon:
        for pid in daemon.pids():  # as `systemctl kill -s USR1` does
            os.kill(pid, signal.SIGUSR1)
        for _ in range(50):
            daemon.process.send_signal(signal.SIGUSR1)
        daemon.wait_for_bundles(1)
        assert snapshot(daemon, "--wait").returncode == 0
        daemon.stop()
        # The signals may have come as one wish or as two; then the one that the command made.
        assert len(daemon.bundles()) in (2, 3)
        assert not daemon.audited("respawn")


@pytest.mark.parametrize("stage", ["capture", "detect"])
def test_the_signal_ends_no_stage_in_the_foreground(
    tmp_path: Path, pin_dir: Path, stage: str
) -> None:
    daemon = LocalDaemon(tmp_path, pin_dir, LATENCY, "--without", stage)
    with daemon, _stage(daemon, stage) as process:
        wait_until(lambda: _takes_signals(process.pid), "the stage to catch signals")
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_a_daemon_that_stops_leaves_a_snapshot_where_it_is_asked_to(
    tmp_path: Path, pin_dir: Path
) -> None:
    config = LATENCY | {"capture": {"snapshot_on_stop": True}}
    with LocalDaemon(tmp_path, pin_dir, config) as daemon:
        assert daemon.stop() == 0
        (bundle,) = daemon.bundles()
    assert anomaly_in(bundle)["reason"] == "the daemon stops"
