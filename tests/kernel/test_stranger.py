"""Strangers talk to each socket of a running daemon: nothing happens, but that it is counted."""

import ctypes
import json
import mmap
import os
import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import zmq

from aod.transport import wire
from aod.transport.wire import STAGES, endpoint, socket_path
from scripts.vm.guest.proc import memory_bytes
from scripts.vm.guest.wait import wait_until
from tests.kernel.strangers import connected, garbage, refused
from tests.rig.daemon import LocalDaemon

_libbpf: Final = ctypes.CDLL("libbpf.so.1")
SEED: Final = 5
MESSAGES: Final = 100_000
CONNECTIONS: Final = 100
GROWTH_MIB: Final = 24
PATIENCE_SEC: Final = 120


def _files(folder: Path) -> dict[str, bytes]:
    """All that is kept there; what is written anew now and then is not."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _thresholds(daemon: LocalDaemon) -> bytes:
    fd = _libbpf.bpf_obj_get(bytes(daemon.pin_dir / "maps" / "thresholds"))
    try:
        with mmap.mmap(fd, mmap.PAGESIZE, prot=mmap.PROT_READ) as thresholds:
            return thresholds.read()
    finally:
        os.close(fd)


def _state(daemon: LocalDaemon) -> dict[str, Any]:
    status = daemon.status()
    return {
        "pids": daemon.pids(),
        "positions": (status.records, status.read),
        "spool": _files(daemon.state_dir),
        "output": _files(daemon.output_dir),
        "thresholds": _thresholds(daemon),
        "counters": status.commands,
    }


def _counted(daemon: LocalDaemon) -> int:
    return sum(one.emitted for one in daemon.status().commands.values())


def _rejected(daemon: LocalDaemon) -> dict[str, int]:
    report = json.loads((daemon.runtime_dir / "daemon.json").read_bytes())
    return {one["stage"]: one["counters"].get("rejected_messages", 0) for one in report["workers"]}


def _send_refused(daemon: LocalDaemon, receiver: str, rng: random.Random) -> None:
    with zmq.Context() as context, context.socket(zmq.PUSH) as stranger:
        stranger.connect(endpoint(daemon.runtime_dir, receiver))
        for frames in refused(rng, receiver, MESSAGES - 1):
            stranger.send_multipart(frames)
        stranger.send_multipart([b"\0"] * 10_000)
        stranger.close(linger=-1)


def _send_too_large(daemon: LocalDaemon, receiver: str) -> None:
    with zmq.Context() as context, context.socket(zmq.PUSH) as stranger:
        stranger.set(zmq.LINGER, 0)
        stranger.connect(endpoint(daemon.runtime_dir, receiver))
        stranger.send(bytes(wire.TAKES[receiver].max_bytes + 1))
        stranger.send(b"never read")


def test_nothing_that_strangers_send_changes_anything(daemon: LocalDaemon) -> None:
    daemon.slow(0)
    daemon.wait_for_bundles(1)
    wait_until(lambda: daemon.status().read == 11, "detect to read them")
    wait_until(lambda: not list(daemon.state_dir.glob("spool/*.json")), "the spool to be empty")
    wait_until(lambda: _counted(daemon) == 11, "the counters of the operations")
    before, rss_mib = _state(daemon), [memory_bytes(pid) >> 20 for pid in daemon.pids()]
    rng = random.Random(SEED)
    for stage in STAGES:
        _send_refused(daemon, stage, rng)
    expected = dict.fromkeys(STAGES, MESSAGES)
    wait_until(lambda: _rejected(daemon) == expected, "all to be counted", PATIENCE_SEC)
    now = _state(daemon)
    assert [what for what in before if now[what] != before[what]] == []
    with ExitStack() as held:
        for stage in STAGES:
            _send_too_large(daemon, stage)
            for _ in range(CONNECTIONS):
                file = socket_path(daemon.runtime_dir, stage)
                held.enter_context(connected(file, garbage(rng)))
        daemon.slow(1000)
        daemon.wait_for_bundles(2)
    after = [memory_bytes(pid) >> 20 for pid in daemon.pids()]
    print(f"seed {SEED}; RSS in MiB of {daemon.pids()}: {rss_mib} before, {after} after")
    assert daemon.pids() == before["pids"]
    assert all(one - other <= GROWTH_MIB for one, other in zip(after, rss_mib, strict=True))
    assert daemon.audited("respawn") == []
    assert daemon.stop() == 0


@pytest.mark.parametrize("stage", ["detect", "cleanup"])
def test_who_needs_few_descriptors_cannot_exhaust_those_of_others(
    daemon: LocalDaemon, stage: str
) -> None:
    limits = Path(f"/proc/{daemon.worker_pid(stage)}/limits").read_text().splitlines()
    (files,) = (line.split() for line in limits if line.startswith("Max open files"))
    assert files[3:5] == ["256", "256"]
