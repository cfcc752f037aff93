"""What a dead daemon leaves, and who removes it."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.state.names import AUDIT_FILE
from tests.kernel.daemon import BIN, LocalDaemon, wait_until

CONFIG = {
    "capture": {"post_sec": 0},
    "guardian": {"anomalies": {"latency": {"type": "Latency", "actions": ["mounts", "trace"]}}},
}


@pytest.fixture
def daemon(tmp_path: Path, pin_dir: Path) -> Iterator[LocalDaemon]:
    with LocalDaemon(tmp_path, pin_dir, CONFIG) as running:
        yield running


def clean(daemon: LocalDaemon) -> "subprocess.CompletedProcess[str]":
    command = [str(BIN / "aod-supervisor"), "-c", str(daemon.config_file), "--clean"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def kill(daemon: LocalDaemon) -> None:
    workers = daemon.pids()[1:]
    daemon.process.kill()
    daemon.process.wait()
    wait_until(lambda: not any(map(is_alive, workers)), "their end")


def is_alive(pid: int) -> bool:
    """Not if it only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_killed_daemon_left_is_removed(daemon: LocalDaemon) -> None:
    kill(daemon)
    assert daemon.pin_dir.exists()
    assert daemon.runtime.exists()
    done = clean(daemon)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not daemon.pin_dir.exists()
    assert not daemon.runtime.exists()
    assert daemon.state.exists()


def test_where_there_is_nothing_it_does_nothing(daemon: LocalDaemon) -> None:
    assert daemon.stop() == 0
    done = clean(daemon)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not daemon.runtime.exists()


def test_pins_alone_are_removed_too(daemon: LocalDaemon) -> None:
    """The runtime folder is in memory; systemd may have removed it."""
    kill(daemon)
    subprocess.run(["rm", "-r", str(daemon.runtime)], check=True)
    assert clean(daemon).returncode == 0
    assert not daemon.pin_dir.exists()
    assert not daemon.runtime.exists()


def test_a_living_daemon_is_left_alone(daemon: LocalDaemon) -> None:
    done = clean(daemon)
    assert done.returncode == 1
    assert f"in use by another aod-supervisor (pid {daemon.process.pid}, since 20" in done.stderr
    daemon.producer().load(10)
    wait_until(lambda: daemon.status().read == 10, "ten records")


def test_the_next_start_waits_for_the_workers_of_the_last(daemon: LocalDaemon) -> None:
    """One that was told to die, and has not yet: no two may write one log."""
    pid = wait_until(lambda: daemon.worker_pid("collect"), "collect")
    os.kill(pid, signal.SIGSTOP)
    daemon.producer().load(10)
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    wait_until(lambda: daemon.log().count("running;") == 2, "the second start")
    wait_until(lambda: daemon.status().read == 10, "the records that nobody had read")
    assert not is_alive(pid)
    assert daemon.status().conserved


def test_records_of_another_build_that_nobody_read_are_counted_and_told(
    daemon: LocalDaemon,
) -> None:
    """Another size of the ring is another build, as another object is."""
    os.kill(wait_until(lambda: daemon.worker_pid("collect"), "collect"), signal.SIGSTOP)
    daemon.producer().load(100)
    kill(daemon)
    daemon.configure(CONFIG | {"ring_mb": 1})
    daemon.start()
    wait_until(lambda: daemon.log().count("running;") == 2, "the second start")
    assert "100 records of another build are lost" in daemon.log()
    daemon.producer().load(10, first_mid=1000)
    wait_until(lambda: daemon.status().read == 10, "the records of the new one")
    assert daemon.stop() == 0
    records = [json.loads(line) for line in (daemon.output / AUDIT_FILE).read_text().splitlines()]
    assert [one["count"] for one in records if one["what"] == "loss"] == [100]
