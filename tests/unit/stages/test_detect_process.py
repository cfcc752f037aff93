"""detect as a process: it waits for the log, hears the bell, and finishes what is there."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from aod import log
from aod.anomaly import Anomaly
from aod.stages.channel import SupervisorEnd
from aod.state import spool
from aod.supervision import folders
from aod.transport.eventlog import EventLog
from aod.transport.position import ReadPosition, read_evaluated
from aod.transport.wire import Batch, Health, Inbox, Message, Outbox
from tests.rig.stage import next_beat, received
from tests.unit.detecting import configured, operations
from tests.unit.transport.test_eventlog_ring import append

PROGRAM = """
import socket, sys
from pathlib import Path
from aod.stages.channel import WorkerEnd
from aod.stages import detect
from aod.stages.base import run_stage
from tests.unit.detecting import configured
line = WorkerEnd(socket.socket(fileno=int(sys.argv[2])))
sys.exit(run_stage("detect", detect.run, configured(Path(sys.argv[1])), line))
"""
PATIENCE_MS = 60_000


class Pipeline:
    """A real detect, and its neighbours played by the test."""

    def __init__(self, root: Path, context: zmq.Context[zmq.Socket[bytes]]):
        self.config = configured(root)
        folders.prepare(self.config, log.ROOT)
        self.runtime_dir = self.config.runtime_dir
        self.capture = Inbox(context, self.runtime_dir, "capture")
        self.collect = Outbox(context, self.runtime_dir, "detect")
        self.process, self.line = self.start(root)

    @staticmethod
    def start(root: Path) -> "tuple[subprocess.Popen[bytes], SupervisorEnd]":
        ours, theirs = SupervisorEnd.pair()
        fd = theirs.fileno()
        command = [sys.executable, "-c", PROGRAM, str(root), str(fd)]
        process = subprocess.Popen(command, pass_fds=[fd])
        theirs.close()
        return process, ours

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)

    @staticmethod
    def next(inbox: Inbox, wanted: Callable[[Message], bool]) -> Message:
        while inbox.socket.poll(PATIENCE_MS):
            message = received(inbox)
            if message is not None and wanted(message):
                return message
        raise AssertionError("nothing came")

    def anomaly(self) -> Anomaly:
        found = self.next(self.capture, lambda message: isinstance(message, Anomaly))
        assert isinstance(found, Anomaly)
        return found

    def state(self, state: str) -> Health:
        while (health := next_beat(self.line)).state != state:
            pass
        return health


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made = Pipeline(tmp_path, context)
    yield made
    made.process.kill()
    made.process.wait()
    made.line.close()
    context.destroy(linger=0)


def test_it_waits_for_the_log_then_reads_at_the_bell_and_to_the_end(pipeline: Pipeline) -> None:
    assert "No such file" in pipeline.state("waiting").note
    log = EventLog.create(pipeline.runtime_dir, 1)
    append(log, operations(1, latency_ns=1))
    ReadPosition.open(pipeline.runtime_dir)
    pipeline.state("ready")
    append(log, operations(11))
    pipeline.collect.send(Batch(1, 11))
    found = pipeline.anomaly()
    entry = spool.pending(pipeline.config.state_dir / spool.FOLDER)[0]
    assert (found.name, found.count, spool.read(entry)) == ("slow", 11, found)
    append(log, operations(7, latency_ns=1))
    assert pipeline.stop() == 0
    assert read_evaluated(pipeline.runtime_dir).position == 19


def test_bell_that_is_lost_delays_and_loses_nothing(pipeline: Pipeline) -> None:
    log = EventLog.create(pipeline.runtime_dir, 1)
    pipeline.state("ready")
    append(log, operations(11))
    assert pipeline.anomaly().count == 11


def test_it_stops_while_it_waits_for_the_log(pipeline: Pipeline) -> None:
    pipeline.state("waiting")
    assert pipeline.stop() == 0


def test_killed_in_between_nothing_is_lost(pipeline: Pipeline, tmp_path: Path) -> None:
    log = EventLog.create(pipeline.runtime_dir, 1)
    pipeline.state("ready")
    append(log, operations(6))
    pipeline.process.kill()
    pipeline.process.wait()
    append(log, operations(5, at_ns=int(operations(7)["end_ns"][-1])))
    pipeline.line.close()
    pipeline.process, pipeline.line = pipeline.start(tmp_path)
    found = pipeline.anomaly()
    assert found.count == 11
    assert json.loads(next(iter((tmp_path / "state" / "spool").iterdir())).read_bytes())
