"""What the supervisor's death and the host's cost: aod-supervisor(8)."""

import os
import shutil
import signal
from pathlib import Path

from aod.kernel import tracer
from scripts.vm.guest.wait import wait_until
from tests.rig.configs import latency
from tests.rig.daemon import LocalDaemon

CONFIG = latency(cooldown_sec=60)


def declared_without_a_bundle(daemon: LocalDaemon) -> None:
    """capture is stopped, so the anomaly is in the spool, and its message is lost."""
    os.kill(daemon.wait_for_worker("capture"), signal.SIGSTOP)
    daemon.slow(1)
    wait_until(lambda: list((daemon.state_dir / "spool").glob("*.json")), "the spool entry")
    wait_until(lambda: daemon.status().read == 11, "detect to commit")


def test_next_start_makes_the_bundle_of_what_was_declared_once(daemon: LocalDaemon) -> None:
    declared_without_a_bundle(daemon)
    daemon.kill()
    daemon.start_again()
    daemon.wait_for_bundles(1)
    wait_until(lambda: not list((daemon.state_dir / "spool").iterdir()), "an empty spool")
    assert daemon.log().count("anomaly 'latency'") == 1


def test_after_a_reboot_what_was_declared_gets_its_bundle(daemon: LocalDaemon) -> None:
    """What is in memory is gone: the pins and the runtime folder."""
    declared_without_a_bundle(daemon)
    daemon.kill()
    tracer.remove(daemon.pin_dir)
    shutil.rmtree(daemon.runtime_dir)
    daemon.start_again()
    daemon.wait_for_bundles(1)
    daemon.producer().load(5, first_mid=1000)
    wait_until(lambda: daemon.status().read == 5, "the new log")
    assert daemon.status().conserved


def test_next_start_goes_on_with_operations_in_flight(daemon: LocalDaemon) -> None:
    """They began under one daemon and end under the next."""
    producer = daemon.producer()
    os.kill(daemon.wait_for_worker("collect"), signal.SIGSTOP)
    producer.load(100, first_mid=1)
    daemon.kill()
    producer.load(100, first_mid=1000)  # nobody is there at all
    daemon.start_again()
    wait_until(lambda: daemon.status().read == 200, "all of them")
    assert daemon.status().conserved


def test_windows_outlive_the_supervisor(tmp_path: Path, pin_dir: Path) -> None:
    with LocalDaemon(tmp_path, pin_dir, CONFIG | {"watch_interval_sec": 600}) as daemon:
        daemon.slow(1, count=6)
        wait_until(lambda: daemon.status().read == 6, "six records")
        daemon.kill()
        daemon.start_again()
        daemon.slow(100, count=5)
        daemon.wait_for_bundles(1)
