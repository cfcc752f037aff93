"""Each stage that runs and cannot do its work says so as the state of its heartbeat."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from aod.config.schema import Capture, Cleanup
from aod.host import privileges
from aod.kernel.attachments import NEEDED
from aod.kernel.tracer import Attachment
from aod.stages import capture, cleanup
from aod.stages.attaching import Attaching
from aod.stages.channel import SupervisorEnd, WorkerEnd
from aod.stages.cleanup import Cleaner
from aod.stages.declaring import IMPAIRED_SEC, Declaring
from aod.stages.detect import Reader
from aod.state import spool
from aod.transport.eventlog import EventLog
from aod.transport.wire import Health
from tests.rig.configs import config
from tests.rig.stage import kill, next_beat, start_with_line
from tests.unit.detecting import SECOND, START_NS, detect_context, operations
from tests.unit.transport.test_eventlog_ring import append


@pytest.fixture
def channel() -> Iterator[tuple[SupervisorEnd, WorkerEnd]]:
    ours, theirs = SupervisorEnd.pair()
    yield ours, theirs
    ours.close()
    theirs.close()


def beat_with(line: SupervisorEnd, state: str) -> Health:
    """The first heartbeat of this state."""
    while (health := next_beat(line)).state != state:
        pass
    return health


def test_capture_without_room_for_a_bundle(tmp_path: Path) -> None:
    made = config(tmp_path, capture=Capture(min_free_mb=1_000_000_000, post_sec=0))
    stage, line = start_with_line("capture", capture.run, made)
    assert beat_with(line, "impaired").note.startswith("no bundles: ")
    kill(stage)
    line.close()


def test_cleanup_whose_folder_is_missing_until_it_is_back(tmp_path: Path) -> None:
    made = config(tmp_path, cleanup=Cleanup(cleanup_interval_sec=0.5))
    made.aod_output_dir.rmdir()
    stage, line = start_with_line("cleanup", cleanup.run, made)
    assert beat_with(line, "impaired").note.startswith("cannot clean up: ")
    made.aod_output_dir.mkdir()
    assert beat_with(line, "ready").note == ""
    kill(stage)
    line.close()


def test_cleanup_whose_folder_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, release = os.pipe()
    monkeypatch.setattr(Cleaner, "try_sweep", lambda _: os.read(held, 1))
    made = config(tmp_path)
    stage, line = start_with_line("cleanup", cleanup.run, made)
    note = f"{made.aod_output_dir} does not answer"
    assert beat_with(line, "impaired").note == note
    os.write(release, b"\n")
    assert beat_with(line, "ready").note == ""
    kill(stage)
    line.close()
    os.close(held)
    os.close(release)


def full(_reader: Reader, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(spool, "MAX_PENDING", 0)
    return "0 others wait: anomalies that come now get no bundle"


def unwritable(reader: Reader, _monkeypatch: pytest.MonkeyPatch) -> str:
    reader.declaring.spool_dir /= "missing"
    return "is not spooled: "


@pytest.mark.parametrize("broken", [full, unwritable])
def test_detect_that_cannot_spool_an_anomaly_until_it_can(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    channel: tuple[SupervisorEnd, WorkerEnd],
    broken: Callable[[Reader, pytest.MonkeyPatch], str],
) -> None:
    with detect_context(tmp_path, cooldown_sec=0) as context, monkeypatch.context() as patches:
        context._channel = channel[1]
        log = EventLog.create(context.runtime_dir, 1)
        reader = Reader(context, EventLog.reader(context.runtime_dir))
        spool_dir, why = reader.declaring.spool_dir, broken(reader, patches)
        append(log, operations(11))
        reader.read()
        reader.heartbeat()
        patches.undo()
        reader.declaring.spool_dir = spool_dir
        append(log, operations(11, at_ns=START_NS + 100 * SECOND))
        reader.read()
        reader.heartbeat()
    impaired, ready = channel[0].receive()
    assert (impaired.state, ready.state, ready.note) == ("impaired", "ready", "")
    assert why in impaired.note


def test_detect_is_not_impaired_for_ever_by_an_anomaly_of_long_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with detect_context(tmp_path) as context:
        declaring = Declaring(context)
        declaring._fail("the spool is full")
        assert declaring.problem == "the spool is full"
        declaring._problem_until -= IMPAIRED_SEC
        assert declaring.problem == ""


@pytest.mark.parametrize(
    ("error", "state", "note"),
    [
        (errno.EPERM, "impaired", "not attached: "),
        (errno.ENOENT, "waiting", "waiting for the cifs module"),
        (0, "ready", ""),
    ],
)
def test_collect_whose_programs_cannot_be_attached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, state: str, note: str
) -> None:
    monkeypatch.setattr(privileges, "narrow", lambda: None)
    tracer: Any = Mock(attach=lambda: tuple(Attachment(name, error) for name in NEEDED))
    with detect_context(tmp_path) as context:
        log = EventLog.create(context.runtime_dir, 1)
        attaching = Attaching(context, tracer, log, Mock(), b"")
        attaching.tick(1.0)
    assert attaching.state == state
    assert (attaching.note or "").startswith(note)
    assert bool(attaching.note) == bool(note)
