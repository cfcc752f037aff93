"""A stage in the foreground takes the place of the one that the daemon was started without."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aod.transport.wire import STAGES
from scripts.vm.guest.daemon import BIN
from scripts.vm.guest.wait import wait_until
from scripts.vm.tools import REPO
from tests.rig.configs import LATENCY, SLOW_NS
from tests.rig.daemon import LocalDaemon
from tests.rig.producer import OBJECT


@contextmanager
def _stage(daemon: LocalDaemon, stage: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(BIN / "aod-stage"), stage, "-c", str(daemon.config_file)]
    environment = os.environ | {"AOD_BPF_OBJECT": str(OBJECT)}
    with daemon.log_file.open("ab") as log:
        process = subprocess.Popen(command, cwd=REPO, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _takes_signals(pid: int) -> bool:
    """Named `aod-...`, a stage is about to install its handlers; proc(5), SigCgt."""
    status = (Path("/proc") / str(pid) / "status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("stage", STAGES)
def test_pipeline_works_with_a_stage_in_the_foreground(
    tmp_path: Path, pin_dir: Path, stage: str
) -> None:
    daemon = LocalDaemon(tmp_path, pin_dir, LATENCY, "--without", stage)
    with daemon, _stage(daemon, stage) as process:
        daemon.slow()
        daemon.wait_for_bundles(1)
        wait_until(lambda: _takes_signals(process.pid), "the stage to catch signals")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert stage not in {name for name in STAGES if daemon.worker_pid(name)}


def test_stage_that_the_daemon_runs_itself_is_refused(tmp_path: Path, pin_dir: Path) -> None:
    daemon = LocalDaemon(tmp_path, pin_dir, LATENCY)
    with daemon, _stage(daemon, "detect") as process:
        assert process.wait(20) == 2
        assert "start the daemon with aod-supervisor --without detect" in daemon.log()
        daemon.slow()
        daemon.wait_for_bundles(1)


def test_cleanup_stage_deletes_what_a_bundle_pushes_over_the_limit(
    tmp_path: Path, pin_dir: Path
) -> None:
    config = LATENCY | {"cleanup": {"max_total_log_size_mb": 0.001}}
    with LocalDaemon(tmp_path, pin_dir, config) as daemon:
        producer = daemon.producer()
        producer.load(11, latency_ns=SLOW_NS, command=5)
        (first,) = daemon.wait_for_bundles(1)
        producer.load(11, latency_ns=SLOW_NS, command=5)
        wait_until(lambda: not first.exists(), "the older bundle to go")
        daemon.wait_for_bundles(1)
