"""A worker's process: forked, watched, reaped."""

import errno
import os
import select
import signal
from pathlib import Path

import pytest

from aod.config.schema import Supervision
from aod.supervision.lifecycle import WorkerState
from aod.supervision.process import Process, how_it_ended, stage_run
from aod.transport.wire import STAGES
from tests.rig.configs import config


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with status 0"),
        (3, "exited with status 3"),
        (-9, "killed by SIGKILL"),
        (-11, "killed by SIGSEGV"),
    ],
)
def test_end_in_words(code: int, words: str) -> None:
    assert how_it_ended(code) == words


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_run(stage: str) -> None:
    assert callable(stage_run(stage))


def test_process_that_was_never_started() -> None:
    process = Process("detect", Supervision())
    assert not process.alive
    assert not process.reap()
    process.kill()
    process.terminate(1.0)
    process.close_inherited()
    assert process.worker.state is WorkerState.STOPPED


def forked(exit_code: int, ready_fd: int) -> Process:
    """A worker that ends when the pipe is closed."""
    process = Process("detect", Supervision())
    process.pid = os.fork()
    if process.pid == 0:
        os.read(ready_fd, 1)
        os._exit(exit_code)
    process.pidfd = os.pidfd_open(process.pid)
    return process


def wait(process: Process) -> None:
    assert select.select([process.pidfd], [], [], 60)[0]


def test_end_is_seen_once() -> None:
    ready, go = os.pipe()
    process = forked(3, ready)
    assert not process.reap()
    os.write(go, b"x")
    wait(process)
    assert process.reap()
    assert process.exit_code == 3
    assert not process.alive
    assert not process.reap()
    os.close(ready)
    os.close(go)


def test_killed_worker_is_reaped_with_its_signal_and_killing_it_again_is_fine() -> None:
    ready, go = os.pipe()
    process = forked(0, ready)
    process.kill()
    wait(process)
    process.kill()  # a zombie
    assert process.reap()
    assert process.exit_code == -signal.SIGKILL
    process.kill()  # nobody
    os.close(ready)
    os.close(go)


def test_host_without_room_for_a_process_makes_a_failed_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is tried again as often as any other, and it says why."""
    process = Process("detect", Supervision(attempts=2))
    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(os, "fork", no_process)
    process.spawn(config(tmp_path), lambda: None)
    assert (process.alive, process.worker.state) == (False, WorkerState.BACKING_OFF)
    assert "Resource temporarily unavailable" in process.last_end
    process.spawn(config(tmp_path), lambda: None)
    assert process.worker.state is WorkerState.FAILED
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_worker_that_cannot_be_watched_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pids: list[int] = []

    def refuse(pid: int) -> int:
        pids.append(pid)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    process = Process("detect", Supervision())
    process.spawn(config(tmp_path), lambda: None)
    assert (process.alive, process.worker.state) == (False, WorkerState.BACKING_OFF)
    with pytest.raises(ChildProcessError):
        os.waitpid(pids[0], os.WNOHANG)


def no_process() -> int:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
