"""What every stage runs in: inbox, heartbeat, stop."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from aod.config import Config, Guardian
from aod.detectors.latency import Latency
from aod.stages import base
from aod.stages.base import StageContext
from aod.wire import Batch, Health, Inbox, Message, Outbox, Stop, endpoint

PATIENCE_MS = 60_000
FOREVER_SEC = 3600.0


@pytest.fixture
def zmq_context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    made = zmq.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture
def supervisor(zmq_context: zmq.Context[zmq.Socket[bytes]], tmp_path: Path) -> Inbox:
    return Inbox(zmq_context, tmp_path, "supervisor")


@pytest.fixture
def stage(
    zmq_context: zmq.Context[zmq.Socket[bytes]], supervisor: Inbox, tmp_path: Path
) -> Iterator[StageContext]:
    config = Config(guardian=Guardian(anomalies={"slow": Latency()}), runtime_dir=tmp_path)
    made = StageContext("detect", config, zmq_context)
    yield made
    made.close()


@pytest.fixture
def sender(
    zmq_context: zmq.Context[zmq.Socket[bytes]], stage: StageContext, tmp_path: Path
) -> Outbox:
    return Outbox(zmq_context, tmp_path, stage.name)


def health(supervisor: Inbox) -> Health:
    assert supervisor.socket.poll(PATIENCE_MS)
    message = supervisor.receive()
    assert isinstance(message, Health)
    return message


def arrives(stage: StageContext) -> None:
    assert stage.inbox.socket.poll(PATIENCE_MS)


def test_heartbeat_says_who_how_and_what_was_counted(
    stage: StageContext, supervisor: Inbox
) -> None:
    stage.beat("waiting", "for cifs", events=5)
    assert health(supervisor) == Health(
        "detect", os.getpid(), "waiting", {"events": 5, "rejected_messages": 0}, "for cifs"
    )


def test_heartbeats_are_a_second_apart_unless_something_changed(
    stage: StageContext, supervisor: Inbox
) -> None:
    now = time.monotonic()
    stage.beat(number=0)
    stage._last_beat = now + 1000  # not long ago, however slow this machine is
    stage.beat(number=1)
    stage.beat(note="new", number=2)
    stage._last_beat = now + 1000
    stage.beat("stopping", "new", number=3)
    stage._last_beat = now - base.BEAT_INTERVAL_SEC
    stage.beat("stopping", "new", number=4)
    assert [health(supervisor).counters["number"] for _ in range(4)] == [0, 2, 3, 4]
    assert supervisor.receive() is None


def test_rejected_messages_are_reported(
    zmq_context: zmq.Context[zmq.Socket[bytes]],
    stage: StageContext,
    supervisor: Inbox,
    tmp_path: Path,
) -> None:
    with zmq_context.socket(zmq.PUSH) as stranger:
        stranger.connect(endpoint(tmp_path, "detect"))
        stranger.send(b"rubbish")
        arrives(stage)
        assert list(stage.messages()) == []
    stage.beat()
    assert health(supervisor).counters == {"rejected_messages": 1}


def test_stop_is_obeyed_and_not_passed_on(stage: StageContext, sender: Outbox) -> None:
    sender.send(Batch(0, 1))
    sender.send(Stop("enough"))
    received: list[Message] = []
    while not stage.stopping:
        arrives(stage)
        received += stage.messages()
    assert received == [Batch(0, 1)]


def test_waiting_ends_with_a_message(stage: StageContext, sender: Outbox) -> None:
    sender.send(Batch(0, 1))
    stage.wait(FOREVER_SEC)
    assert list(stage.messages()) == [Batch(0, 1)]


def test_waiting_ends_when_something_else_is_readable(stage: StageContext) -> None:
    ready, go = os.pipe()
    stage.also_wait_for(ready)
    os.write(go, b"x")
    stage.wait(FOREVER_SEC)
    os.close(ready)
    os.close(go)


def test_who_is_stopping_does_not_wait(stage: StageContext) -> None:
    stage.stopping = True
    stage.wait(FOREVER_SEC)


PROGRAM = """
import os, signal, sys
from pathlib import Path
from aod import log
from aod.config import Config, Guardian
from aod.detectors.latency import Latency
from aod.stages.base import run_stage
log.setup()
config = Config(guardian=Guardian(anomalies={"slow": Latency()}), runtime_dir=Path(sys.argv[1]))
def run(context):
    print(Path("/proc/self/comm").read_text(), end="", flush=True)
    for number in map(int, sys.argv[3:]):
        os.kill(os.getpid(), number)
    if not sys.argv[3:]:
        raise RuntimeError("boom")
    context.wait(3600)
    print("stopping", context.stopping, flush=True)
    return 5
sys.exit(run_stage("detect", run, config, supervised=sys.argv[2] == "supervised"))
"""


def ran(folder: Path, how: str, *signals: int) -> "subprocess.CompletedProcess[str]":
    """A stage in a process of its own that sends itself these signals, then waits for ever."""
    command = [sys.executable, "-c", PROGRAM, str(folder), how, *map(str, map(int, signals))]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("how", "signals"),
    [
        ("supervised", [signal.SIGTERM]),
        ("supervised", [signal.SIGINT, signal.SIGTERM]),
        ("alone", [signal.SIGTERM]),
        ("alone", [signal.SIGINT]),
    ],
)
def test_signal_ends_the_wait_and_the_stage_ends_itself(
    tmp_path: Path, how: str, signals: list[int]
) -> None:
    result = ran(tmp_path, how, *signals)
    assert (result.stdout, result.returncode) == ("aod-detect\nstopping True\n", 5)


def test_stage_that_fails_says_how_and_exits_with_1(tmp_path: Path) -> None:
    result = ran(tmp_path, "alone")
    assert result.returncode == 1
    assert "aod.detect: failed" in result.stderr
    assert "RuntimeError: boom" in result.stderr
