"""The trace instance, in a folder that looks like tracefs; the real one is tested in a VM."""

import logging
import os
import shutil
from pathlib import Path

import pytest

from aod.config.schema import Trace
from aod.flight import trace
from aod.flight.trace import TraceBuffer

LOG = logging.getLogger("test")
PINS = Path("/sys/fs/bpf/aod")


class Tracefs:
    """What a kernel would have made of our mkdir is made before it."""

    def __init__(self, root: Path) -> None:
        self.module = root / "cifs"
        self.instance = root / "instances" / "aod-aod"
        for folder in ("options", "events/cifs"):
            (self.instance / folder).mkdir(parents=True)
        (self.instance / "trace_clock").write_text("[local] global mono\n")
        (self.instance / "events/cifs/enable").write_text("0\n")

    def buffer(self) -> TraceBuffer:
        return TraceBuffer(PINS, Trace(buffer_mb=8), LOG)

    def text(self, name: str) -> str:
        return (self.instance / name).read_text()


@pytest.fixture
def tracefs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracefs:
    made = Tracefs(tmp_path)
    monkeypatch.setattr(trace, "ROOTS", (tmp_path / "none", tmp_path))
    monkeypatch.setattr(trace, "MODULE", made.module)
    return made


def test_the_buffer_overwrites_and_has_the_clock_of_the_events(tracefs: Tracefs) -> None:
    tracefs.buffer().tick()
    assert tracefs.text("options/overwrite") == "1"
    assert tracefs.text("trace_clock") == "mono"
    assert int(tracefs.text("buffer_size_kb")) == 8192 // (os.cpu_count() or 1)


def test_a_predecessors_buffer_is_not_emptied(tracefs: Tracefs) -> None:
    (tracefs.instance / "trace_clock").write_text("local [mono]\n")
    tracefs.buffer().tick()
    assert tracefs.text("trace_clock") == "local [mono]\n"


def test_events_are_enabled_whenever_the_module_comes(tracefs: Tracefs) -> None:
    buffer = tracefs.buffer()
    for _ in range(2):
        buffer.tick()
        assert (buffer.is_recording, tracefs.text("events/cifs/enable")) == (False, "0\n")
        tracefs.module.mkdir()
        buffer.tick()
        assert (buffer.is_recording, tracefs.text("events/cifs/enable")) == (True, "1")
        (tracefs.instance / "events/cifs/enable").write_text("0\n")
        buffer.tick()
        assert tracefs.text("events/cifs/enable") == "0\n", "they were enabled once already"
        tracefs.module.rmdir()


def test_the_end_removes_the_instance(tracefs: Tracefs) -> None:
    buffer = tracefs.buffer()
    buffer.tick()
    for entry in tracefs.instance.iterdir():  # as the kernel does
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    buffer.close()
    assert not tracefs.instance.exists()
    buffer.close()


def test_an_instance_that_is_busy_stays_and_that_is_said(
    tracefs: Tracefs, caplog: pytest.LogCaptureFixture
) -> None:
    assert tracefs.instance.exists()
    trace.remove(PINS, LOG)
    assert "the trace instance stays" in caplog.text


def test_without_tracefs_it_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trace, "ROOTS", (tmp_path,))
    buffer = TraceBuffer(PINS, Trace(), LOG)
    buffer.tick()
    buffer.tick()
    buffer.close()
    assert len(caplog.messages) == 1
    assert f"no tracefs at {tmp_path}" in caplog.text
    trace.remove(PINS, LOG)
    assert len(caplog.messages) == 1


def test_daemons_have_instances_of_their_own(tracefs: Tracefs) -> None:
    assert trace.folder(Path("/sys/fs/bpf/other")) == tracefs.instance.with_name("aod-other")


@pytest.mark.parametrize(("cpus", "kib"), [(1, 4096), (4, 1024), (1000, 16)])
def test_the_buffers_of_all_processors_together_have_the_size(
    tracefs: Tracefs, monkeypatch: pytest.MonkeyPatch, cpus: int, kib: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cpus)
    TraceBuffer(PINS, Trace(buffer_mb=4), LOG).tick()
    assert int(tracefs.text("buffer_size_kb")) == kib
