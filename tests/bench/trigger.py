"""From the end of an operation to the anomaly's message, through the running daemon.

This process takes the place of capture: it owns capture's inbox. Every operation is an emergency
of its own, and there is no cool-down, so each makes a message.
"""

import random
import time
from collections.abc import Iterator

import numpy as np
import zmq

from aod.anomaly import Anomaly
from aod.transport.wire import Inbox
from tests.bench.bench_rig import CONFIG, bench_daemon
from tests.rig.configs import EMERGENCY_NS
from tests.rig.producer import Producer
from tests.rig.stage import received

TRIGGERS = 600


def _one(producer: Producer, inbox: Inbox) -> int:
    """ns from the record's end_ns to the arrival of the message."""
    producer.load(1, latency_ns=EMERGENCY_NS)
    if not inbox.socket.poll(5000):
        raise TimeoutError("an emergency made no anomaly within 5 s")
    now_ns = time.monotonic_ns()
    message = received(inbox)
    if not isinstance(message, Anomaly):
        raise TypeError(f"not an anomaly: {message}")
    return now_ns - message.trigger_ns


def figures() -> Iterator[dict[str, object]]:
    """Percentiles in milliseconds."""
    with bench_daemon(CONFIG, "--without", "capture", "--without", "cleanup") as daemon:
        producer = daemon.producer()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        inbox = Inbox(context, daemon.runtime_dir, "capture")
        delays = []
        for _ in range(TRIGGERS):
            time.sleep(random.uniform(0.001, 0.03))  # anywhere between two ticks
            delays.append(_one(producer, inbox))
        inbox.close()
        context.term()
    p50, p99 = np.percentile(delays, [50, 99]) / 1e6
    yield {"figure": "operation's end to anomaly message", "triggers": TRIGGERS,
           "p50_ms": round(p50, 2), "p99_ms": round(p99, 2), "target_p99_ms_below": 20}  # fmt: skip
