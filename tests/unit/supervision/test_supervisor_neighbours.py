"""The supervisor and those outside: another supervisor, systemd, strangers, its own death."""

import signal
import socket
from pathlib import Path

import pytest
import zmq

from aod.transport.wire import STAGES, Batch, Outbox
from tests.rig.fake_daemon import Daemon


def test_second_supervisor_is_kept_out_and_disturbs_nothing(tmp_path: Path) -> None:
    with Daemon.started(tmp_path) as first:
        first.expect_all("started", STAGES)
        with Daemon.started(tmp_path) as second:
            assert second.ended() == 1
        assert (
            f"in use by another aod-supervisor (pid {first.process.pid}, since 20" in second.stderr
        )
        assert second.heard == []
        assert first.stop() == 0
    assert first.reported("stopped") == list(STAGES)


def test_workers_die_with_a_killed_supervisor_and_the_next_one_takes_over(tmp_path: Path) -> None:
    with Daemon.started(tmp_path) as first:
        first.expect_all("started", STAGES)
        first.signal(signal.SIGKILL)
        assert first.ended() == -signal.SIGKILL  # and nobody holds its stdout any more
    assert (tmp_path / "run" / "events.log").exists()
    with Daemon.started(tmp_path) as second:
        second.expect_all("started", STAGES)
        assert second.stop() == 0
    assert second.reported("stopped") == list(STAGES)
    assert not second.runtime_dir.exists()


def test_message_reaches_a_stage(tmp_path: Path) -> None:
    with Daemon.started(tmp_path) as daemon, zmq.Context() as context:
        daemon.expect_all("started", STAGES)
        box = Outbox(context, daemon.runtime_dir, "detect")
        box.send(Batch(0, 1))
        assert daemon.expect("received", "detect")["message"] == "Batch"
        box.close()
        assert daemon.stop() == 0


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        heard: list[str] = []
        with Daemon.started(tmp_path, {"collect": "waiting"}) as daemon:
            while "WATCHDOG=1" not in heard:
                heard.append(systemd.recv(1000).decode())
            assert daemon.stop() == 0
        while "STOPPING=1" not in heard:
            heard.append(systemd.recv(1000).decode())
    assert heard[0] == "READY=1"
    assert "STATUS=for a reason" in heard
    assert heard[-1] == "STOPPING=1"
