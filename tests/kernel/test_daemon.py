"""The whole daemon on the real ring: from an operation to a sealed bundle, and through deaths."""

import os
import signal
from pathlib import Path

import pytest

from aod.event import EVENT_DTYPE
from aod.state.names import AUDIT_FILE
from aod.transport.wire import STAGES
from scripts.vm.guest.wait import wait_until
from tests.rig.bundles import open_bundle
from tests.rig.configs import CREATE, LATENCY, SLOW_NS
from tests.rig.daemon import LocalDaemon


def test_eleven_slow_operations_make_a_bundle_with_what_came_before(daemon: LocalDaemon) -> None:
    daemon.producer().load(100, command=CREATE)
    daemon.slow(1000)
    (path,) = daemon.wait_for_bundles(1)
    bundle = open_bundle(path)
    assert {"mounts.log", "stats.log"} <= set(bundle.files)
    events = bundle.events()
    assert events.dtype == EVENT_DTYPE
    assert events["mid"].tolist() == [*range(100), *range(1000, 1011)]
    anomaly = bundle.json("anomaly.json")
    assert (anomaly["anomaly"], anomaly["rule"], anomaly["count"]) == ("Latency", "count", 11)


def test_the_counters_at_the_trigger_are_told(daemon: LocalDaemon) -> None:
    daemon.producer().load(100, command=CREATE)
    wait_until(lambda: daemon.status().read == 100, "detect to read them")
    daemon.slow(1000)
    (bundle,) = daemon.wait_for_bundles(1)
    stats = open_bundle(bundle).json("stats.json")
    assert stats["note"] == ""
    create = stats["at_trigger"]["commands"]["SMB2_CREATE"]["counters"]
    assert 100 <= create["finished"] <= 111  # of the eleven, those that ended before the last look
    assert create["emitted"] == create["finished"]


def test_two_anomalies_of_one_incident_name_each_other(tmp_path: Path, pin_dir: Path) -> None:
    both = {
        "slow": {"type": "Latency"},
        "refused": {"type": "Error", "mode": "trackonly", "track_codes": ["EACCES"]},
    }
    config = {"guardian": {"anomalies": both}, "capture": {"post_sec": 5}}
    with LocalDaemon(tmp_path, pin_dir, config) as daemon:
        daemon.producer().load(11, latency_ns=SLOW_NS, command=CREATE, error=-13, status=0xC0000022)
        named = {}
        for bundle in daemon.wait_for_bundles(2):
            manifest = open_bundle(bundle).manifest
            named[manifest["anomaly"]["name"]] = [one["name"] for one in manifest["related"]]
    assert named == {"slow": ["refused"], "refused": ["slow"]}


def test_ten_slow_operations_make_none(daemon: LocalDaemon) -> None:
    daemon.slow(0, count=10)
    wait_until(lambda: daemon.status().read == 10, "detect to read them")
    assert daemon.stop() == 0
    assert daemon.bundles() == []
    assert "anomaly" not in daemon.log()


@pytest.mark.parametrize("stage", STAGES)
def test_killed_worker_is_back_and_a_later_anomaly_makes_a_bundle(
    daemon: LocalDaemon, stage: str
) -> None:
    daemon.slow(0)
    daemon.wait_for_bundles(1)
    pid = daemon.wait_for_worker(stage)
    os.kill(pid, signal.SIGKILL)
    daemon.wait_for_worker(stage, other_than=pid)
    daemon.slow(5000)
    assert len(daemon.wait_for_bundles(2)) == 2
    assert f"{stage}: killed by SIGKILL" in daemon.log()
    assert daemon.status().conserved


def test_anomaly_that_was_declared_while_capture_was_dead_gets_its_bundle(
    daemon: LocalDaemon,
) -> None:
    pid = daemon.wait_for_worker("capture")
    os.kill(pid, signal.SIGSTOP)
    daemon.slow(0)
    wait_until(lambda: list((daemon.state_dir / "spool").glob("*.json")), "the spool entry")
    os.kill(pid, signal.SIGKILL)
    daemon.wait_for_bundles(1)
    wait_until(lambda: not list((daemon.state_dir / "spool").iterdir()), "an empty spool")


def test_operations_that_finish_while_collect_is_dead_are_not_lost(daemon: LocalDaemon) -> None:
    producer = daemon.producer()
    pid = daemon.wait_for_worker("collect")
    os.kill(pid, signal.SIGSTOP)
    producer.load(1000)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: daemon.status().read == 1000, "all records")
    assert daemon.status().records == 1000


def test_stop_drains_and_leaves_nothing(daemon: LocalDaemon, pin_dir: Path) -> None:
    daemon.slow(0)
    assert daemon.stop() == 0
    assert len(daemon.bundles()) == 1
    assert not daemon.runtime_dir.exists()
    assert not pin_dir.exists()
    assert list((daemon.state_dir / "spool").iterdir()) == []
    left = {path.name for path in daemon.output_dir.iterdir()} - {AUDIT_FILE}
    assert left == {path.name for path in daemon.bundles()}


def test_second_supervisor_names_the_first(daemon: LocalDaemon) -> None:
    second = LocalDaemon(daemon.base, daemon.pin_dir, LATENCY)
    second.log_file = daemon.base / "second.log"
    second.start()
    assert second.process.wait(20) == 1
    assert f"(pid {daemon.process.pid}, since 20" in second.log()


def test_workers_have_names_of_their_own(daemon: LocalDaemon) -> None:
    for stage in STAGES:
        pid = daemon.wait_for_worker(stage)
        assert Path(f"/proc/{pid}/cmdline").read_bytes().startswith(f"aod-{stage}\0".encode())


def test_dead_supervisor_takes_its_workers_along_and_the_next_goes_on(
    daemon: LocalDaemon,
) -> None:
    daemon.producer().load(10)
    wait_until(lambda: daemon.status().read == 10, "ten records")
    workers = daemon.pids()[1:]
    daemon.process.kill()
    daemon.process.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "their end")
    daemon.start()
    wait_until(lambda: daemon.log().count("running;") == 2, "the second start")
    daemon.producer().load(10)
    wait_until(lambda: daemon.status().read == 20, "twenty records")
    assert daemon.status().conserved


def test_nothing_is_for_everybody_to_read(daemon: LocalDaemon) -> None:
    daemon.slow(0)
    daemon.wait_for_bundles(1)
    # os.walk: the folder of a sealed bundle may go while it is being listed.
    seen = [
        Path(parent, name)
        for folder in (daemon.output_dir, daemon.runtime_dir, daemon.state_dir)
        for parent, folders, files in os.walk(folder)
        for name in (".", *folders, *files)
    ]
    assert len(seen) > 10
    assert [path for path in seen if _mode(path) & 0o007] == []


def _mode(path: Path) -> int:
    """0 for what is gone: the folder of a sealed bundle, a file that was renamed into place."""
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0


def test_stop_with_a_detector_that_hangs_says_what_is_lost(tmp_path: Path, pin_dir: Path) -> None:
    config = LATENCY | {"event_log_mb": 1, "ring_mb": 1}
    daemon = LocalDaemon(tmp_path, pin_dir, config)
    with daemon:
        producer = daemon.producer()
        pid = daemon.wait_for_worker("detect")
        os.kill(pid, signal.SIGSTOP)
        for done in range(4096, 16_384 + 1, 4096):  # less than the ring holds, so none is dropped
            producer.load(4096)
            wait_until(lambda wanted=done: daemon.status().records == wanted, "the records")  # type: ignore[misc]
        producer.load(100)
        assert daemon.stop() == 0
    assert "100 records in the kernel's ring are lost with this stop" in daemon.log()
    assert "detect: not done in time, killing it" in daemon.log()


def test_stop_with_a_collector_that_hangs_leaves_nothing_either(
    daemon: LocalDaemon, pin_dir: Path
) -> None:
    pid = daemon.wait_for_worker("collect")
    os.kill(pid, signal.SIGSTOP)
    assert daemon.stop() == 0
    assert not pin_dir.exists()
    assert not daemon.runtime_dir.exists()
