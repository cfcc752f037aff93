"""The shim's drain into the event log, beside libbpf's consumer with an empty callback.

Both read the same number of records from the same ring in turns, in one process; the figure is the
median of the rounds, after one that touches all memory.
"""

import ctypes
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.vm.tools import REPO
from tests.bench.bench_rig import bench_rig
from tests.rig.ring import Rig

RECORDS = 200_000
ROUNDS = 15


def _libbpf_consumer(folder: Path) -> ctypes.CDLL:
    library = folder / "consume.so"
    source = REPO / "tests" / "bench" / "consume.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-lbpf"], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.bench_open.restype = ctypes.c_void_p
    loaded.bench_consume.restype = ctypes.c_double
    loaded.bench_consume.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
    return loaded


def _shim_round(rig: Rig) -> float:
    rig.producer.load(RECORDS)
    start = time.perf_counter_ns()
    count = rig.drain()
    return (time.perf_counter_ns() - start) / count


def _libbpf_round(rig: Rig, library: ctypes.CDLL, ring: int) -> float:
    rig.producer.load(RECORDS)
    count = ctypes.c_int()
    elapsed_ns = library.bench_consume(ring, ctypes.byref(count))
    return float(elapsed_ns) / count.value


def figures() -> Iterator[dict[str, object]]:
    """ns per record of both, and their ratio."""
    with tempfile.TemporaryDirectory() as folder, bench_rig() as rig:
        library = _libbpf_consumer(Path(folder))
        ring = library.bench_open(rig.tracer.wake_fd)
        rounds = [(_shim_round(rig), _libbpf_round(rig, library, ring)) for _ in range(ROUNDS + 1)]
    shim, libbpf = (statistics.median(column) for column in zip(*rounds[1:], strict=True))
    yield {"figure": "shim drain", "ns_per_record": round(shim, 2)}
    yield {"figure": "libbpf consume, empty callback", "ns_per_record": round(libbpf, 2)}
    yield {"figure": "shim / libbpf", "ratio": round(shim / libbpf, 2), "target_at_most": 2}
