"""The daemon watches its own sums: it raises the alarm when one does not hold, and never else."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aod.conservation import violation
from aod.state import spool
from aod.transport.eventlog import EventLog
from aod.transport.position import Evaluated, ReadPosition
from aod.transport.wire import STAGES
from scripts.vm.guest.wait import wait_until
from tests.rig.bundles import open_bundle
from tests.rig.configs import CREATE, LATENCY
from tests.rig.daemon import LocalDaemon
from tests.rig.producer import change_counter

WRITE = 9
ALARM = "something is lost, or counted twice: "


def lose_a_record(daemon: LocalDaemon) -> None:
    change_counter(daemon.pin_dir, WRITE, "unanswered_told", 1)


def lose_an_operation(daemon: LocalDaemon) -> None:
    change_counter(daemon.pin_dir, CREATE, "started", 2)


def take_the_head_for_another(daemon: LocalDaemon) -> None:
    EventLog.writer(daemon.runtime_dir, 16).header["commit"]["appended"] += 5


def claim_what_was_never_written(daemon: LocalDaemon) -> None:
    ReadPosition.open(daemon.runtime_dir).commit(Evaluated(10**12))


def remove_from_the_spool(daemon: LocalDaemon) -> None:
    """While capture does not look."""
    capture = daemon.wait_for_worker("capture")
    os.kill(capture, signal.SIGSTOP)
    daemon.slow(5000)
    folder = daemon.state_dir / spool.FOLDER
    for path in wait_until(lambda: spool.pending(folder), "the entry"):
        path.unlink()
    wait_until(lambda: violation.FILE.read(daemon.runtime_dir), "the alarm")
    os.kill(capture, signal.SIGCONT)


@pytest.mark.parametrize(
    ("tamper", "name"),
    [
        (lose_a_record, "records"),
        (lose_an_operation, "operations"),
        (take_the_head_for_another, "log"),
        (claim_what_was_never_written, "evaluated"),
        (remove_from_the_spool, "anomalies"),
    ],
)
def test_what_is_lost_without_being_counted_raises_the_alarm_everywhere(
    daemon: LocalDaemon, tamper: Callable[[LocalDaemon], None], name: str
) -> None:
    daemon.producer().load(1000, command=WRITE)
    daemon.slow(1000)
    (before,) = daemon.wait_for_bundles(1)
    assert open_bundle(before).manifest["conservation"] == []
    wait_until(lambda: daemon.run("aod", "status").returncode == 0, "a healthy daemon")
    began = time.monotonic()
    tamper(daemon)
    daemon.wait_for_log(f"{ALARM}{name}")
    print(f"{name}: reported after {time.monotonic() - began:.2f} s")
    wait_until(lambda: daemon.audited("conservation"), "the record")
    assert [one["sum"] for one in daemon.audited("conservation")] == [name]
    shown = daemon.run("aod", "status")
    assert shown.returncode == 1
    assert f"unhealthy: {name}" in shown.stdout
    assert json.loads(daemon.run("aod", "status", "--json").stdout)["violations"][0]["sum"] == name
    assert (
        f'aod_conservation_off_by{{sum="{name}"' in daemon.run("aod", "status", "--metrics").stdout
    )
    have = len(daemon.bundles())
    daemon.slow(9000)
    bundle = daemon.wait_for_bundles(have + 1)[-1]
    manifest = open_bundle(bundle).manifest
    assert [one["sum"] for one in manifest["conservation"]] == [name]
    assert daemon.log().count(ALARM) == 1
    assert daemon.stop() == 0


def test_no_alarm_in_a_storm_with_a_ring_that_overflows_and_all_workers_killed(
    tmp_path: Path, pin_dir: Path
) -> None:
    with LocalDaemon(tmp_path, pin_dir, LATENCY | {"ring_mb": 1, "event_log_mb": 1}) as daemon:
        producer = daemon.producer()
        for round_number in range(3):
            for stage in STAGES:
                producer.at_pace(1_000_000, 0.5)
                producer.operate(20_000, first_mid=0, command=CREATE)
                daemon.slow(10**6 * (round_number + 1))
                pid = daemon.wait_for_worker(stage)
                os.kill(pid, signal.SIGKILL)
                daemon.wait_for_worker(stage, other_than=pid)
        _is_quiet_and_healthy(daemon)
        assert daemon.stop() == 0


def test_no_alarm_over_deaths_of_the_supervisor(tmp_path: Path, pin_dir: Path) -> None:
    with LocalDaemon(tmp_path, pin_dir, LATENCY) as daemon:
        for number in range(4):
            daemon.producer().operate(5_000, command=CREATE)
            daemon.producer().load(100_000, command=WRITE)
            daemon.slow(10**6 * (number + 1))
            daemon.kill()
            daemon.start_again()
        _is_quiet_and_healthy(daemon)
        daemon.wait_for_bundles(4)
        assert daemon.stop() == 0


def test_no_alarm_for_what_an_earlier_run_left_in_the_spool(tmp_path: Path, pin_dir: Path) -> None:
    with LocalDaemon(tmp_path, pin_dir, LATENCY) as daemon:
        os.kill(daemon.wait_for_worker("capture"), signal.SIGSTOP)
        daemon.slow(1)
        folder = daemon.state_dir / spool.FOLDER
        wait_until(lambda: spool.pending(folder), "the entry")
        daemon.process.kill()
        daemon.process.wait()
        for path in daemon.runtime_dir.iterdir():  # as after a boot
            if path.is_file():
                path.unlink()
        seen = daemon.log().count("running;")
        daemon.start()
        wait_until(lambda: daemon.log().count("running;") > seen, "the next one")
        daemon.wait_for_bundles(1)
        _is_quiet_and_healthy(daemon)
        assert daemon.stop() == 0


def _is_quiet_and_healthy(daemon: LocalDaemon) -> None:
    """Several looks after everything: the exact sums are looked at, too."""
    wait_until(lambda: not spool.pending(daemon.state_dir / spool.FOLDER), "an empty spool", 60)
    before = daemon.status().stats_ns
    wait_until(lambda: daemon.status().stats_ns > before + 4 * 10**9, "four more looks")
    assert ALARM not in daemon.log()
    assert daemon.run("aod", "status").returncode == 0
