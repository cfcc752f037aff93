"""collect, in this process, on the real ring: what it reports to the supervisor under load."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from msgspec.structs import replace

from aod.stages.base import StageContext
from aod.stages.channel import SupervisorEnd, WorkerEnd
from aod.stages.collect import MATCH_STATS_INTERVAL_SEC, Collector
from tests.rig.configs import config
from tests.rig.ring import Rig
from tests.rig.stage import PATIENCE_SEC

SLOW_NS = 50_000_000


@pytest.fixture
def line() -> Iterator[tuple[SupervisorEnd, WorkerEnd]]:
    ours, theirs = SupervisorEnd.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def collector(
    rig: Rig, tmp_path: Path, line: tuple[SupervisorEnd, WorkerEnd]
) -> Iterator[Collector]:
    made = replace(config(tmp_path), pin_dir=rig.setup.pin_dir)
    zmq_context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context = StageContext("collect", made, zmq_context, line[1])
    collector = Collector(context, rig.tracer)
    yield collector
    collector.counters.close()
    collector.peers.close()
    context.close()
    zmq_context.term()


def test_it_beats_while_match_follows_match(
    collector: Collector, rig: Rig, line: tuple[SupervisorEnd, WorkerEnd]
) -> None:
    """The counters are published for each; that must not take the heartbeat's turn."""
    beats, deadline = 0, time.monotonic() + PATIENCE_SEC
    while beats < 3:
        assert time.monotonic() < deadline, f"{beats} beats in {PATIENCE_SEC:g} s"
        rig.producer.load(1, latency_ns=SLOW_NS, command=5)
        collector.drain()
        collector.tick()
        collector.publish_stats(MATCH_STATS_INTERVAL_SEC)
        time.sleep(MATCH_STATS_INTERVAL_SEC)
        beats += len(line[0].receive())
