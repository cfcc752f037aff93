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
from msgspec.structs import replace

from aod.config.schema import Config, Guardian
from aod.detectors.latency import Latency
from aod.stages import base
from aod.stages.base import StageContext
from aod.stages.channel import SupervisorEnd, WorkerEnd
from aod.transport.wire import Batch, Health, Outbox, endpoint

PATIENCE_MS = 60_000
FOREVER_SEC = 3600.0


@pytest.fixture
def zmq_context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    made = zmq.Context()
    yield made
    made.destroy(linger=0)


CONFIG = Config(guardian=Guardian(anomalies={"slow": Latency()}))


@pytest.fixture
def line() -> Iterator[tuple[SupervisorEnd, WorkerEnd]]:
    ours, theirs = SupervisorEnd.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def supervisor(line: tuple[SupervisorEnd, WorkerEnd]) -> SupervisorEnd:
    return line[0]


@pytest.fixture
def stage(
    zmq_context: zmq.Context[zmq.Socket[bytes]],
    line: tuple[SupervisorEnd, WorkerEnd],
    tmp_path: Path,
) -> Iterator[StageContext]:
    made = StageContext("detect", replace(CONFIG, runtime_dir=tmp_path), zmq_context, line[1])
    yield made
    made.close()


@pytest.fixture
def sender(
    zmq_context: zmq.Context[zmq.Socket[bytes]], stage: StageContext, tmp_path: Path
) -> Outbox:
    return Outbox(zmq_context, tmp_path, stage.name)


def arrives(stage: StageContext) -> None:
    assert stage.inbox.socket.poll(PATIENCE_MS)


def test_heartbeat_says_who_how_and_what_was_counted(
    stage: StageContext, supervisor: SupervisorEnd
) -> None:
    stage.heartbeat("waiting", "for cifs", events=5)
    assert supervisor.receive() == [
        Health("detect", os.getpid(), "waiting", {"events": 5, "rejected_messages": 0}, "for cifs")
    ]


def test_heartbeats_are_a_second_apart_unless_something_changed(
    stage: StageContext, supervisor: SupervisorEnd
) -> None:
    now = time.monotonic()
    stage.heartbeat(number=0)
    stage._last_heartbeat = now + 1000  # not long ago, however slow this machine is
    stage.heartbeat(number=1)
    stage.heartbeat(note="new", number=2)
    stage._last_heartbeat = now + 1000
    stage.heartbeat("stopping", "new", number=3)
    stage._last_heartbeat = now - base.HEARTBEAT_INTERVAL_SEC
    stage.heartbeat("stopping", "new", number=4)
    assert [one.counters["number"] for one in supervisor.receive()] == [0, 2, 3, 4]


def test_without_a_supervisor_it_beats_for_nobody(
    zmq_context: zmq.Context[zmq.Socket[bytes]], tmp_path: Path
) -> None:
    alone = StageContext("detect", replace(CONFIG, runtime_dir=tmp_path), zmq_context)
    alone.heartbeat(number=0)
    assert alone.new_config() is None
    alone.close()


def test_new_configuration_ends_the_wait_and_is_the_one_from_then(
    stage: StageContext, supervisor: SupervisorEnd
) -> None:
    assert stage.new_config() is None
    for interval_sec in (2, 3):
        supervisor.offer(replace(CONFIG, watch_interval_sec=interval_sec))
    stage.wait(FOREVER_SEC)
    new = stage.new_config()
    assert new == stage.config == replace(CONFIG, watch_interval_sec=3)
    assert stage.new_config() is None


def test_rejected_messages_are_reported(
    zmq_context: zmq.Context[zmq.Socket[bytes]],
    stage: StageContext,
    supervisor: SupervisorEnd,
    tmp_path: Path,
) -> None:
    with zmq_context.socket(zmq.PUSH) as stranger:
        stranger.connect(endpoint(tmp_path, "detect"))
        stranger.send(b"rubbish")
        arrives(stage)
        assert list(stage.inbox.messages()) == []
    stage.heartbeat()
    assert supervisor.receive()[0].counters == {"rejected_messages": 1}


def waited_sec(stage: StageContext) -> float:
    """How long it waits where it may wait forever."""
    began = time.monotonic()
    stage.wait(FOREVER_SEC)
    return time.monotonic() - began


def test_waiting_ends_with_a_message(stage: StageContext, sender: Outbox) -> None:
    sender.send(Batch(0, 1))
    stage.wait(FOREVER_SEC)
    assert list(stage.inbox.messages()) == [Batch(0, 1)]


def test_waiting_ends_when_something_else_is_readable(stage: StageContext) -> None:
    ready, go = os.pipe()
    stage.also_wait_for(ready)
    os.write(go, b"x")
    assert waited_sec(stage) < FOREVER_SEC
    os.close(ready)
    os.close(go)


def test_who_is_stopping_does_not_wait(stage: StageContext) -> None:
    stage.signals.stops = 1
    assert waited_sec(stage) < FOREVER_SEC


PROGRAM = """
import os, signal, sys
from pathlib import Path
from aod import log
from aod.stages.channel import SupervisorEnd
from aod.config.schema import Config, Guardian
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
    print("stopping", context.shutting_down, flush=True)
    return 5
ours, theirs = SupervisorEnd.pair()
status = run_stage("detect", run, config, theirs if sys.argv[2] == "supervised" else None)
for health in ours.receive():
    print(health.state, health.note)
sys.exit(status)
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


@pytest.mark.parametrize("how", ["alone", "supervised"])
def test_stage_that_fails_says_how_and_exits_with_1(tmp_path: Path, how: str) -> None:
    result = ran(tmp_path, how)
    assert result.returncode == 1
    assert ("failed RuntimeError: boom" in result.stdout) == (how == "supervised")
    assert "aod.detect: failed" in result.stderr
    assert "RuntimeError: boom" in result.stderr
