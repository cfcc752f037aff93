"""`aod record` on the real ring: every operation is in the file, whatever becomes of it."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from aod._native import lib
from aod.event import EVENT_DTYPE, IN_FLIGHT, Events
from aod.kernel import tracer
from aod.recording.reader import Recording
from aod.recording.sources import opened
from scripts.vm.guest.daemon import BIN
from scripts.vm.guest.proc import find
from scripts.vm.guest.wait import wait_until
from scripts.vm.tools import REPO
from tests.rig.configs import LATENCY
from tests.rig.daemon import LocalDaemon
from tests.rig.producer import OBJECT, Producer

_numbers = count()
ATTACHED = "attached to the cifs client; recording to"


class Recorder:
    """A running `aod record` with the configuration of a daemon that may run or not."""

    def __init__(self, daemon: LocalDaemon, *arguments: str):
        self.file = daemon.base / "recorded.aod"
        self.own = daemon.pin_dir.with_name(f"{daemon.pin_dir.name}-record")
        self.log_file = daemon.base / f"record-{next(_numbers)}.log"
        command = [str(BIN / "aod"), "record", str(self.file), "-c", str(daemon.config_file)]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *arguments],
                cwd=REPO,
                env=os.environ | {"AOD_BPF_OBJECT": str(OBJECT)},
                stdout=log,
                stderr=log,
            )

    def producer(self) -> Producer:
        """The test programs in the recorder's maps, when it is recording."""
        wait_until(self._is_recording, "the recorder")
        return Producer(self.own / "pins")

    def _is_recording(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"ended with {self.process.returncode}: {self.log_file.read_text()}")
        return ATTACHED in self.log_file.read_text()

    def is_stopped(self) -> bool:
        found = find(self.process.pid)
        return found is not None and found.state == "T"

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)

    def recorded(self) -> Events:
        """What the file holds now."""
        with opened(self.file) as source:
            return np.concatenate([np.zeros(0, EVENT_DTYPE), *source.batches()])

    def recording(self) -> Recording:
        with opened(self.file) as source:
            assert source.recording is not None
            return source.recording

    def wait_for(self, condition: Callable[[Events], bool], what: str) -> None:
        """Until the file holds it, while it is written."""
        wait_until(lambda: self.file.exists() and condition(self.recorded()), what)


@contextmanager
def _recording(daemon: LocalDaemon, *arguments: str) -> Iterator[Recorder]:
    recorder = Recorder(daemon, *arguments)
    try:
        yield recorder
    finally:
        recorder.process.kill()
        recorder.process.wait()
        if recorder.own.exists():
            tracer.remove(recorder.own)


@pytest.fixture
def configured(tmp_path: Path, pin_dir: Path) -> LocalDaemon:
    """A daemon's configuration; the daemon does not run, and leaves out what does not match."""
    return LocalDaemon(tmp_path, pin_dir, LATENCY | {"recorder": "matching"})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_operation_is_in_the_file_and_nothing_is_left(
    configured: LocalDaemon, number: signal.Signals
) -> None:
    with _recording(configured) as recorder:
        producer = recorder.producer()
        for first in range(0, 200_000, 40_000):  # each less than the ring holds
            producer.load(40_000, first_mid=first)
            recorder.wait_for(lambda found, end=first + 40_000: len(found) == end, "them")  # type: ignore[misc]
        assert recorder.stop(number) == 0
        assert recorder.recorded()["mid"].tolist() == list(range(200_000))
        last = recorder.recording().last
        assert (last.records, last.dropped, last.ended) == (200_000, 0, True)
        assert last.total("finished") == last.total("emitted") == 200_000
        assert "200,000 records in" in recorder.log_file.read_text()
        assert "none dropped" in recorder.log_file.read_text()
        assert recorder.file.stat().st_mode & 0o777 == 0o600
        assert not recorder.own.exists()
    assert not configured.pin_dir.exists()


def test_what_the_ring_loses_is_told(tmp_path: Path, pin_dir: Path) -> None:
    small = LocalDaemon(tmp_path, pin_dir, LATENCY | {"ring_mb": 1})
    with _recording(small) as recorder:
        producer = recorder.producer()
        recorder.process.send_signal(signal.SIGSTOP)
        wait_until(recorder.is_stopped, "the recorder to stand still")
        producer.load(20_000)
        recorder.process.send_signal(signal.SIGCONT)
        assert recorder.stop() == 0
        kept = (1 << 20) // 72
        assert len(recorder.recorded()) == kept
        assert recorder.recording().last.dropped == 20_000 - kept
        assert f"{20_000 - kept:,} DROPPED" in recorder.log_file.read_text()


def test_recorder_and_daemon_see_their_own_and_leave_each_other_alone(
    tmp_path: Path, pin_dir: Path
) -> None:
    with LocalDaemon(tmp_path, pin_dir, LATENCY) as daemon, _recording(daemon) as recorder:
        daemon.producer().load(1000)
        recorder.producer().load(3000)
        wait_until(lambda: daemon.status().read == 1000, "the daemon to read them")
        assert recorder.stop() == 0
        assert len(recorder.recorded()) == 3000
        daemon.producer().load(1000)
        wait_until(lambda: daemon.status().read == 2000, "the daemon to read more")
        assert daemon.status().conserved


def test_operation_that_hangs_is_recorded_while_it_hangs(configured: LocalDaemon) -> None:
    with _recording(configured) as recorder:
        producer = recorder.producer()
        producer.start(7, 5, comm=b"cp")
        recorder.wait_for(lambda found: len(found) == 1, "the hanging operation")
        producer.finish(7, 5)
        assert recorder.stop() == 0
        hanging, finished = recorder.recorded()
        assert (hanging["mid"], hanging["flags"] & IN_FLIGHT) == (7, IN_FLIGHT)
        assert (finished["mid"], finished["flags"] & IN_FLIGHT) == (7, 0)
        assert 10**9 <= hanging["latency_ns"] < finished["latency_ns"]
        assert hanging["comm"] == finished["comm"] == b"cp"


def test_names_and_the_configuration_are_in_the_file(configured: LocalDaemon) -> None:
    with _recording(configured) as recorder:
        recorder.producer().name(lib.AOD_NAME_SHARE, rb"\\server\share", number=7, tree=5)
        assert recorder.stop() == 0
        recording = recorder.recording()
        assert recording.names.share(7, 5) == r"\\server\share"
        assert recording.head.config == configured.config_file.read_text()
        assert recording.head.config_file == str(configured.config_file)
        assert recording.head.kernel == os.uname().release


def test_killed_recorder_leaves_its_file_and_the_next_one_clears_the_rest(
    configured: LocalDaemon,
) -> None:
    with _recording(configured) as recorder:
        recorder.producer().load(1000)
        recorder.wait_for(lambda found: len(found) == 1000, "a thousand records")
        recorder.stop(signal.SIGKILL)
        assert recorder.recorded()["mid"].tolist() == list(range(1000))
        assert not recorder.recording().last.ended
        before = (recorder.own / "pins").stat().st_ino
        with _recording(configured, "--force") as successor:
            successor.producer().load(10, first_mid=5000)
            assert (successor.own / "pins").stat().st_ino != before
            assert successor.stop() == 0
            assert successor.recorded()["mid"].tolist() == list(range(5000, 5010))
            assert not successor.own.exists()


def test_second_recorder_is_refused_and_the_first_goes_on(configured: LocalDaemon) -> None:
    with _recording(configured) as recorder:
        producer = recorder.producer()
        second = Recorder(configured, "--force")
        assert second.process.wait(20) == 1
        assert f"{recorder.own} is in use: this command runs already" in second.log_file.read_text()
        producer.load(10)
        assert recorder.stop() == 0
        assert len(recorder.recorded()) == 10


def test_file_that_is_there_is_refused_and_nothing_is_left_in_the_kernel(
    configured: LocalDaemon,
) -> None:
    (configured.base / "recorded.aod").write_text("precious")
    with _recording(configured) as recorder:
        assert recorder.process.wait(20) == 2
        assert "recorded.aod is there already; --force replaces it" in recorder.log_file.read_text()
        assert recorder.file.read_text() == "precious"
        assert not recorder.own.exists()


def test_recording_ends_after_its_time(configured: LocalDaemon) -> None:
    with _recording(configured, "--seconds", "0.5") as recorder:
        assert recorder.process.wait(20) == 0
        assert recorder.recording().last.ended
        assert "0 records in 0." in recorder.log_file.read_text()


def test_printer_prints_what_finishes_and_leaves_nothing(configured: LocalDaemon) -> None:
    own = configured.pin_dir.with_name(f"{configured.pin_dir.name}-print")
    command = [str(BIN / "aod-stage"), "collect", "--print", "-c", str(configured.config_file)]
    with subprocess.Popen(
        command,
        cwd=REPO,
        env=os.environ | {"AOD_BPF_OBJECT": str(OBJECT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as printer:
        assert printer.stdout is not None
        assert printer.stdout.readline().startswith("time")
        Producer(own / "pins").load(3, command=5)
        lines = [printer.stdout.readline() for _ in range(3)]
        printer.send_signal(signal.SIGTERM)
        assert printer.wait(20) == 0
    assert [line.split()[1] for line in lines] == ["SMB2_CREATE"] * 3
    assert not own.exists()
