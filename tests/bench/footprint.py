"""What the running daemon costs: idle CPU, and the memory of all its processes."""

import time
from collections.abc import Iterator
from pathlib import Path

from scripts.vm.guest.proc import cpu_ns
from scripts.vm.guest.wait import wait_until
from scripts.vm.tools import REPO
from tests.bench.bench_rig import bench_daemon
from tests.rig.daemon import LocalDaemon

IDLE_SEC = 20
LOG_RECORDS = 262_144
CHUNK = 16_384
KIB = 1024


def _pss_bytes(pid: int) -> int:
    for line in (Path("/proc") / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * KIB
    return 0


def _measure(daemon: LocalDaemon) -> Iterator[dict[str, object]]:
    pids = daemon.pids()
    before, start = cpu_ns(pids), time.monotonic()
    time.sleep(IDLE_SEC)
    cpu = (cpu_ns(pids) - before) / 1e9 / (time.monotonic() - start)
    yield {"figure": "CPU of all processes, idle", "percent_of_one_core": round(cpu * 100, 2)}
    for pid in pids:
        name = (Path("/proc") / str(pid) / "comm").read_text().strip()
        yield {
            "figure": "PSS of one process, idle",
            "process": name,
            "mb": round(_pss_bytes(pid) / 1e6, 1),
        }
    yield _total_pss("PSS of all processes, idle since the start", pids)
    _fill_event_log(daemon)
    yield _total_pss("PSS of all processes, event log full", pids)


def _total_pss(figure: str, pids: list[int]) -> dict[str, object]:
    total = sum(_pss_bytes(pid) for pid in pids) / 1e6
    return {"figure": figure, "mb": round(total, 1), "target_mb_below": 90}


def _fill_event_log(daemon: LocalDaemon) -> None:
    """Write and read every slot of the event log, so that all its memory is in use."""
    producer = daemon.producer()
    for done in range(CHUNK, LOG_RECORDS + CHUNK, CHUNK):
        producer.load(CHUNK)
        wait_until(lambda wanted=done: daemon.status().read >= wanted, "detect to read them")  # type: ignore[misc]


def figures() -> Iterator[dict[str, object]]:
    """With the anomalies of conf/aod.yaml."""
    from ruamel.yaml import YAML

    text = (REPO / "conf" / "aod.yaml").read_text()
    with bench_daemon(YAML(typ="safe").load(text)) as daemon:
        daemon.producer()
        yield from _measure(daemon)
