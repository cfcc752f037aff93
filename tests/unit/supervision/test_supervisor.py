"""The supervisor over real processes: it spawns, brings back, gives up, stops in order."""

import os
import signal
from pathlib import Path

import pytest

from aod.transport.wire import STAGES
from tests.rig.fake_daemon import Daemon

QUICK = {"first_delay_sec": 0.01, "longest_delay_sec": 0.05}
OWN_FDS = {"pidfd": 0, "pipe:": 3, "eventpoll": 2}
"""Of a stage: stdout, the two ends of its signal pipe; ZeroMQ has two threads."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_signal_ends_the_stages_in_the_order_of_the_data(
    tmp_path: Path, number: signal.Signals
) -> None:
    with Daemon.started(tmp_path) as daemon:
        daemon.expect_all("started", STAGES)
        daemon.signal(number)
        assert daemon.ended() == 0
    assert daemon.reported("stopped") == list(STAGES)
    assert not daemon.runtime_dir.exists()


def test_it_does_the_same_without_assertions(tmp_path: Path) -> None:
    with Daemon.started(tmp_path, python=("-O",)) as daemon:
        daemon.expect_all("started", STAGES)
        assert daemon.stop() == 0
    assert daemon.reported("stopped") == list(STAGES)


def test_stages_have_names_and_nothing_of_the_supervisors(tmp_path: Path) -> None:
    with Daemon.started(tmp_path) as daemon:
        started = daemon.expect_all("started", STAGES)
        os.kill(started["collect"]["pid"], signal.SIGKILL)
        again = daemon.expect("started", "collect")
        assert daemon.stop() == 0
    for stage, line in started.items():
        assert line["comm"] == line["command"] == f"aod-{stage}"
        assert line["parent"] == daemon.process.pid
    for line in (*started.values(), again):  # the first has no siblings, the last has three
        assert line["fds"] == OWN_FDS


def test_killed_worker_is_brought_back_and_the_others_stay(tmp_path: Path) -> None:
    with Daemon.started(tmp_path, policy=QUICK) as daemon:
        started = daemon.expect_all("started", STAGES)
        for stage in STAGES:
            os.kill(started[stage]["pid"], signal.SIGKILL)
            again = daemon.expect("started", stage)
            assert again["pid"] != started[stage]["pid"]
            assert f"{stage}: killed by SIGKILL; respawning in" in daemon.stderr
        assert daemon.stop() == 0
    assert daemon.reported("started")[len(STAGES) :] == list(STAGES)
    assert daemon.reported("stopped") == list(STAGES)


@pytest.mark.parametrize(
    ("behaviour", "how"),
    [
        ("fails", "status 7"),
        ("raises", "status 1 (RuntimeError: boom)"),
        ("exits", "status 1"),
    ],
)
def test_worker_that_keeps_dying_is_given_up_and_the_others_stop_cleanly(
    tmp_path: Path, behaviour: str, how: str
) -> None:
    with Daemon.started(tmp_path, {"detect": behaviour}, policy=QUICK | {"attempts": 3}) as daemon:
        assert daemon.ended() == 1
    assert daemon.reported("started").count("detect") == 3
    why = f"detect: exited with {how}; giving up: it did not start 3 times in a row"
    assert why in daemon.stderr
    assert daemon.reported("stopped") == ["collect", "capture", "cleanup"]
    assert not daemon.runtime_dir.exists()
    assert ("RuntimeError: boom" in daemon.stderr) == (behaviour == "raises")


def test_worker_that_cannot_have_its_socket_harms_nobody_else(tmp_path: Path) -> None:
    """It fails before it is a stage, in a copy of the supervisor's memory."""
    (tmp_path / "run" / "detect" / "sock" / "in the way").mkdir(parents=True)
    for made in (tmp_path / "run", tmp_path / "run" / "detect"):
        made.chmod(0o750)
    with Daemon.started(tmp_path, policy=QUICK | {"attempts": 3}) as daemon:
        assert daemon.process.stdout is not None
        daemon.expect_all("started", ("collect", "capture", "cleanup"))
        assert daemon.ended() == 1
    assert daemon.reported("stopped") == ["collect", "capture", "cleanup"]
    assert daemon.stderr.count("giving up") == 1
    assert daemon.stderr.count("stopping: each stage") == 1


def test_worker_that_is_alive_but_silent_is_replaced(tmp_path: Path) -> None:
    with Daemon.started(
        tmp_path, {"capture": "silent"}, policy=QUICK | {"heartbeat_timeout_sec": 2}
    ) as daemon:
        first = daemon.expect("started", "capture")
        second = daemon.expect("started", "capture")
        assert first["pid"] != second["pid"]
    assert "capture: alive but silent; it hangs here:" in daemon.stderr
    assert "in fake\n" in daemon.stderr  # the function, in the stack
    assert "capture: killed by SIGKILL because it was silent; respawning in" in daemon.stderr


def test_worker_that_lives_too_short_too_often_is_given_up(tmp_path: Path) -> None:
    policy = QUICK | {"attempts": 3}
    with Daemon.started(tmp_path, {"detect": "lives shortly"}, policy=policy) as daemon:
        assert daemon.ended() == 1
    why = "detect: exited with status 7; giving up: it died 3 times within 60 s"
    assert why in daemon.stderr


def test_stopped_worker_cannot_say_where_it_hangs_and_is_replaced_all_the_same(
    tmp_path: Path,
) -> None:
    with Daemon.started(
        tmp_path, {"capture": "stopped"}, policy=QUICK | {"heartbeat_timeout_sec": 2}
    ) as daemon:
        daemon.expect("started", "capture")
        daemon.expect("started", "capture")
    assert "capture: killed by SIGKILL because it was silent; respawning in" in daemon.stderr


def test_worker_that_does_not_stop_is_ended(tmp_path: Path) -> None:
    with Daemon.started(
        tmp_path, {"cleanup": "stubborn"}, policy={"drain_timeout_sec": 1.5}
    ) as daemon:
        daemon.expect_all("started", STAGES)
        assert daemon.stop() == 0
    assert daemon.reported("stopped") == list(STAGES)
    assert "cleanup: not done in time, killing it" in daemon.stderr
    assert not daemon.runtime_dir.exists()


def test_second_signal_gives_up_at_once(tmp_path: Path) -> None:
    with Daemon.started(
        tmp_path, {"collect": "stubborn"}, policy={"drain_timeout_sec": 3600}
    ) as daemon:
        daemon.expect_all("started", STAGES)
        daemon.signal(signal.SIGTERM)
        daemon.expect("stopped", "collect")
        daemon.signal(signal.SIGTERM)
        assert daemon.ended() == 0
    assert not daemon.runtime_dir.exists()


def test_worker_that_dies_while_stopping_is_told_and_not_brought_back(tmp_path: Path) -> None:
    with Daemon.started(tmp_path, {"detect": "dies"}, policy=QUICK) as daemon:
        daemon.expect_all("started", STAGES)
        assert daemon.stop() == 0
    assert daemon.reported("started").count("detect") == 1
    assert "detect: killed by SIGKILL during shutdown" in daemon.stderr
    assert daemon.reported("stopped") == list(STAGES)


def test_stage_that_is_left_out_is_not_started(tmp_path: Path) -> None:
    with Daemon.started(tmp_path, without=("detect", "cleanup")) as daemon:
        daemon.expect_all("started", ("collect", "capture"))
        assert daemon.stop() == 0
    assert sorted(daemon.reported("started")) == ["capture", "collect"]
