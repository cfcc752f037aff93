"""What the supervisor's death and the host's cost: aod-supervisor(8)."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.kernel import tracer
from tests.kernel.daemon import LocalDaemon, wait_until

CREATE = 5
SLOW_NS = 50_000_000
CONFIG = {
    "capture": {"post_sec": 0},
    "guardian": {"anomalies": {"latency": {"type": "Latency", "actions": ["mounts"]}}},
}


@pytest.fixture
def daemon(tmp_path: Path, pin_dir: Path) -> Iterator[LocalDaemon]:
    with LocalDaemon(tmp_path, pin_dir, CONFIG) as running:
        yield running


def kill(daemon: LocalDaemon) -> None:
    daemon.process.kill()
    daemon.process.wait()


def start(daemon: LocalDaemon) -> None:
    before = daemon.log().count("running;")
    daemon.start()
    wait_until(lambda: daemon.log().count("running;") > before, "the next start")


def declared_without_a_bundle(daemon: LocalDaemon) -> None:
    """capture is stopped, so the anomaly is in the spool, and its message is lost."""
    os.kill(wait_until(lambda: daemon.worker_pid("capture"), "capture"), signal.SIGSTOP)
    daemon.producer().load(11, first_mid=1, latency_ns=SLOW_NS, command=CREATE)
    wait_until(lambda: list((daemon.state / "spool").glob("*.json")), "the spool entry")
    wait_until(lambda: daemon.status().read == 11, "detect to commit")


def test_next_start_makes_the_bundle_of_what_was_declared_once(daemon: LocalDaemon) -> None:
    declared_without_a_bundle(daemon)
    kill(daemon)
    start(daemon)
    daemon.wait_for_bundles(1)
    wait_until(lambda: not list((daemon.state / "spool").iterdir()), "an empty spool")
    assert daemon.log().count("anomaly 'latency'") == 1


def test_after_a_reboot_what_was_declared_gets_its_bundle(daemon: LocalDaemon) -> None:
    """What is in memory is gone: the pins and the runtime folder."""
    declared_without_a_bundle(daemon)
    kill(daemon)
    tracer.remove(daemon.pin_dir)
    shutil.rmtree(daemon.runtime)
    start(daemon)
    daemon.wait_for_bundles(1)
    daemon.producer().load(5, first_mid=1000)
    wait_until(lambda: daemon.status().read == 5, "the new log")
    assert daemon.status().conserved


def test_next_start_goes_on_with_operations_in_flight(daemon: LocalDaemon) -> None:
    """They began under one daemon and end under the next."""
    producer = daemon.producer()
    os.kill(wait_until(lambda: daemon.worker_pid("collect"), "collect"), signal.SIGSTOP)
    producer.load(100, first_mid=1)
    kill(daemon)
    producer.load(100, first_mid=1000)  # nobody is there at all
    start(daemon)
    wait_until(lambda: daemon.status().read == 200, "all of them")
    assert daemon.status().conserved


def test_windows_outlive_the_supervisor(tmp_path: Path, pin_dir: Path) -> None:
    with LocalDaemon(tmp_path, pin_dir, CONFIG | {"watch_interval_sec": 600}) as daemon:
        daemon.producer().load(6, first_mid=1, latency_ns=SLOW_NS, command=CREATE)
        wait_until(lambda: daemon.status().read == 6, "six records")
        kill(daemon)
        start(daemon)
        daemon.producer().load(5, first_mid=100, latency_ns=SLOW_NS, command=CREATE)
        daemon.wait_for_bundles(1)
