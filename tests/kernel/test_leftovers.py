"""What a dead daemon leaves, and who removes it."""

import json
import os
import signal
import subprocess

from aod.state.names import AUDIT_FILE
from scripts.vm.guest.proc import is_alive
from scripts.vm.guest.wait import wait_until
from tests.rig.configs import latency
from tests.rig.daemon import LocalDaemon, Result

CONFIG = latency(actions=["mounts", "trace"])


def clean(daemon: LocalDaemon) -> Result:
    return daemon.run("aod-supervisor", "--clean")


def kill(daemon: LocalDaemon) -> None:
    workers = daemon.pids()[1:]
    daemon.kill()
    wait_until(lambda: not any(map(is_alive, workers)), "their end")


def test_what_a_killed_daemon_left_is_removed(daemon: LocalDaemon) -> None:
    kill(daemon)
    assert daemon.pin_dir.exists()
    assert daemon.runtime_dir.exists()
    done = clean(daemon)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not daemon.pin_dir.exists()
    assert not daemon.runtime_dir.exists()
    assert daemon.state_dir.exists()


def test_where_there_is_nothing_it_does_nothing(daemon: LocalDaemon) -> None:
    assert daemon.stop() == 0
    done = clean(daemon)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not daemon.runtime_dir.exists()


def test_pins_alone_are_removed_too(daemon: LocalDaemon) -> None:
    """The runtime folder is in memory; systemd may have removed it."""
    kill(daemon)
    subprocess.run(["rm", "-r", str(daemon.runtime_dir)], check=True)
    assert clean(daemon).returncode == 0
    assert not daemon.pin_dir.exists()
    assert not daemon.runtime_dir.exists()


def test_a_living_daemon_is_left_alone(daemon: LocalDaemon) -> None:
    done = clean(daemon)
    assert done.returncode == 1
    assert f"in use by another aod-supervisor (pid {daemon.process.pid}, since 20" in done.stderr
    daemon.producer().load(10)
    wait_until(lambda: daemon.status().read == 10, "ten records")


def test_the_next_start_waits_for_the_workers_of_the_last(daemon: LocalDaemon) -> None:
    """A worker that was killed and has not died yet: no two may write one log."""
    pid = daemon.wait_for_worker("collect")
    os.kill(pid, signal.SIGSTOP)
    daemon.producer().load(10)
    daemon.kill()
    daemon.start_again()
    wait_until(lambda: daemon.status().read == 10, "the records that nobody had read")
    assert not is_alive(pid)
    assert daemon.status().conserved


def test_records_of_another_build_that_nobody_read_are_counted_and_told(
    daemon: LocalDaemon,
) -> None:
    """Another size of the ring is another build, as another object is."""
    os.kill(daemon.wait_for_worker("collect"), signal.SIGSTOP)
    daemon.producer().load(100)
    kill(daemon)
    daemon.configure(CONFIG | {"ring_mb": 1})
    daemon.start_again()
    assert "100 records of another build are lost" in daemon.log()
    daemon.producer().load(10, first_mid=1000)
    wait_until(lambda: daemon.status().read == 10, "the records of the new one")
    assert daemon.stop() == 0
    records = [
        json.loads(line) for line in (daemon.output_dir / AUDIT_FILE).read_text().splitlines()
    ]
    assert [one["count"] for one in records if one["what"] == "loss"] == [100]
