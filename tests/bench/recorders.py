"""What the always-on recorders cost: a file workload in a virtual machine, with and without them.

One boot, rounds of all kinds in turn. The guest has one processor and a clock that counts its
instructions: what the recorder needs the workload and its server lack, and how busy this machine
is does not matter. So it is an upper bound: elsewhere another processor does the recording.
And how fast the program is that cuts a bundle's packets out of the ring.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from aod.flight import ring
from scripts.vm.results import results_folder
from scripts.vm.scenarios import guest_kind, read_facts, run_scenarios
from tests.unit.packets import message, packet, pcap, smb2

SCENARIO = "recorders_cost"
PACKETS = 110_000
"""What a ring of 16 MiB holds of short messages."""
CUTS = 5
_NONE = "none"


def figures() -> Iterator[dict[str, object]]:
    """The workload's time with each recorder by that without, and the cutter's pace."""
    yield _cutter()
    with results_folder() as results:
        run_scenarios([SCENARIO], results, guest_kind(SCENARIO))
        took = read_facts(results, SCENARIO)["took_s"]
    for kind in took:
        if kind != _NONE:
            yield {"figure": f"a file workload with {kind}", **_compared(took[kind], took[_NONE])}


def _compared(with_it: Sequence[float], without: Sequence[float]) -> dict[str, object]:
    """Medians, and how much a round differs from one right beside it."""
    ratios = sorted(one / other for one, other in zip(with_it, without, strict=True))
    return {
        "ratio": round(statistics.median(with_it) / statistics.median(without), 3),
        "ratio_of_neighbours_min": round(ratios[0], 3),
        "ratio_of_neighbours_max": round(ratios[-1], 3),
        "rounds": len(ratios),
        "seconds_without": round(statistics.median(without), 3),
    }


def _cutter() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _fill(folder)
        took = statistics.median(_cut(folder) for _ in range(CUTS))
    return {
        "figure": "packets cut out of the ring, headers only, all of them",
        "packets": PACKETS,
        "cpu_seconds": round(took, 3),
        "packets_per_cpu_second": round(PACKETS / took),
        "target_cpu_seconds_below": 2,
    }


def _fill(folder: Path) -> None:
    names = ring.shape(16, 512).names()
    each = PACKETS // len(names)
    for number, name in enumerate(names):
        first = number * each
        mids = range(first, PACKETS if name == names[-1] else first + each)
        body = b"what a file holds" * 2
        content = [(mid, packet(message(smb2(mid, body)), mid * 102)) for mid in mids]
        (folder / name).write_bytes(pcap(content))


def _cut(folder: Path) -> float:
    """Seconds of processor time: one program, which waits for nothing."""
    program = [sys.executable, "-I", "-m", "aod.flight.cut", str(folder)]
    before = _children_cpu_sec()
    done = subprocess.run(
        [*program, "0", "0", str(1 << 60), "yes", "445"], check=True, capture_output=True
    )
    took = _children_cpu_sec() - before
    if not done.stderr.startswith(f"{PACKETS:,} packets".encode()):
        raise RuntimeError(done.stderr.decode())
    return took


def _children_cpu_sec() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
