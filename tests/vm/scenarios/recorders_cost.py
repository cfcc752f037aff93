"""How long a file workload takes with none, each and both of the recorders; for `make bench`.

Without the daemon: its own cost is another figure.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aod.config.schema import Packets, Trace
from aod.flight.packets import PacketRing
from aod.flight.trace import TraceBuffer
from scripts.vm.guest import cifs
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import rounds, work

TIMEOUT_S = 600
TURNS = 8
ROUNDS = 40
KINDS = {"none": (False, False), "packets": (True, False), "trace": (False, True)} | {
    "packets and trace": (True, True)
}

_LOG = logging.getLogger(__name__)
_PINS = Path("/sys/fs/bpf/bench")


def run(lab: Lab) -> Facts:
    """The seconds of each round, by what was recorded; the turns begin with each kind in turn."""
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    kinds = list(KINDS)
    with lab.mounted(cifs.UNCACHED) as folder:
        work(folder, rounds(ROUNDS))
        for turn in range(TURNS):
            first = turn % len(kinds)
            for kind in kinds[first:] + kinds[:first]:
                with _recording(*KINDS[kind]):
                    took[kind].append(_timed(folder))
    return {"took_s": took}


def _timed(folder: Path) -> float:
    started = time.monotonic()
    done = work(folder, rounds(ROUNDS))
    if done["delete"] != ROUNDS:
        raise OSError(f"the workload failed: {done}")
    return time.monotonic() - started


@contextmanager
def _recording(packets: bool, trace: bool) -> Iterator[None]:
    ring = PacketRing(Path("/run/bench-packets"), Packets(), _LOG)
    buffer = TraceBuffer(_PINS, Trace(), _LOG)
    try:
        if packets:
            wait_until(lambda: _is_recording(ring), "tcpdump", 60)
        if trace:
            wait_until(lambda: _is_recording(buffer), "the trace", 60)
        yield
    finally:
        ring.close()
        buffer.close()


def _is_recording(one: PacketRing | TraceBuffer) -> bool:
    one.tick()
    return one.is_recording
