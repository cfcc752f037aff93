"""A whole bundle: what is in it, what the manifest says about it, and what is left of a failure."""

import asyncio
import hashlib
import io
import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from aod.actions import table
from aod.actions.action import Action, Command
from aod.actions.job import Children, Job
from aod.actions.result import Status
from aod.anomaly import Anomaly, AnomalyType, Cause, Relation
from aod.bundles import archive, bundle, contents, filling, history, manifest
from aod.bundles.filling import Surroundings
from aod.bundles.history import Recorded
from aod.bundles.manifest import Manifest
from aod.config.schema import Capture, Config, Guardian
from aod.detectors.latency import Latency
from aod.host.clock import Clocks, ClockWatch
from aod.settings import ActionName
from aod.state import names
from aod.transport.wire import Sealed
from tests.rig.bundles import open_bundle
from tests.unit.samples import CONFIG, TIMESTAMP, anomaly, operation, records, surroundings

ROWS = (
    Action(
        name=ActionName.DMESG,
        file="dmesg.log",
        about="",
        commands=(Command(("echo", "kernel says")),),
        timeout_sec=10,
        max_bytes=1000,
    ),
    Action(
        name=ActionName.STATS,
        file="stats.log",
        about="",
        commands=(Command(("no-such-program",)),),
        timeout_sec=10,
        max_bytes=1000,
    ),
)
HISTORY = records(1_000_000_000, 4_000_000_000, 5_000_000_000)
RECORDED = Recorded((HISTORY,), {"dropped_ring_full": 3})


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "ACTIONS", ROWS)
    recalled(monkeypatch, RECORDED)


def recalled(monkeypatch: pytest.MonkeyPatch, recorded: Recorded) -> None:
    """What the event log has."""
    nothing_new = replace(recorded, pieces=())
    monkeypatch.setattr(history, "recall", lambda *asked: nothing_new if asked[-1] else recorded)


def configured(output_dir: Path, **limits: Any) -> Config:
    capture = replace(CONFIG.capture, **limits)
    return replace(CONFIG, aod_output_dir=output_dir, capture=capture)


async def made_of(
    what: Anomaly, config: Config, around: Surroundings | None = None, **how: bool
) -> bundle.Made | None:
    job = Job(config, Children(lambda _: None))
    return await bundle.make(what, config, job, around or surroundings(), **how)


def make(what: Anomaly, config: Config, around: Surroundings | None = None) -> Sealed:
    made = asyncio.run(made_of(what, config, around))
    assert made is not None
    return made.sealed


def files_of(sealed: Sealed) -> dict[str, bytes]:
    """By name, in the archive's order."""
    opened = open_bundle(Path(sealed.path))
    assert opened.folder == names.folder(sealed.timestamp)
    return opened.files


def manifest_of(sealed: Sealed) -> Manifest:
    return manifest.decode(files_of(sealed)["manifest.json"])


def test_a_bundle_holds_what_was_asked_for(tmp_path: Path) -> None:
    sealed = make(anomaly(actions=("dmesg", "stats")), configured(tmp_path))
    assert sealed.timestamp == TIMESTAMP
    assert Path(sealed.path) == tmp_path / f"aod_{TIMESTAMP}.tar.zst"
    assert sealed.size_bytes == Path(sealed.path).stat().st_size
    files = files_of(sealed)
    first = ["SUMMARY.txt", "manifest.json", "anomaly.json", "stats.json", "events.npy"]
    assert list(files) == [*first, "dmesg.log", "stats.log"]
    assert files["dmesg.log"] == b"kernel says\n"
    assert [path.name for path in tmp_path.iterdir()] == [Path(sealed.path).name]


def test_the_manifest_agrees_with_the_files(tmp_path: Path) -> None:
    sealed = make(anomaly(actions=("dmesg", "stats")), configured(tmp_path))
    files, told = files_of(sealed), manifest_of(sealed)
    assert [source.status for source in told.sources] == [Status.OK, Status.MISSING]
    for source in told.sources:
        assert source.bytes == len(files[source.file])
        assert source.sha256 == hashlib.sha256(files[source.file]).hexdigest()
    assert told.anomaly == manifest.Identity(AnomalyType.LATENCY, TIMESTAMP, "latency", Cause.COUNT)
    assert told.losses == {"dropped_ring_full": 3}
    assert told.schema_version == manifest.SCHEMA_VERSION


def test_events_begin_before_the_trigger_and_hold_the_evidence(tmp_path: Path) -> None:
    evidence = records(4_500_000_000, 5_000_000_000)
    sealed = make(anomaly(evidence=evidence.tobytes()), configured(tmp_path))
    events = np.load(io.BytesIO(files_of(sealed)["events.npy"]))
    assert events["end_ns"].tolist() == [
        1_000_000_000,
        4_000_000_000,
        4_500_000_000,
        5_000_000_000,
    ]
    told = manifest_of(sealed).events
    assert (told.records, told.before_trigger, told.trigger_ns) == (4, 3, 5_000_000_000)


POST_NS = 50_000_000


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """When the log was asked, which has one operation more when it is asked again."""
    asked: list[int] = []

    def recall(_: Path, __: Capture, of: Anomaly, known: Recorded | None) -> Recorded:
        asked.append(time.monotonic_ns())
        return Recorded((records(*([1, 2] if known is None else [of.trigger_ns + 1])),), {})

    monkeypatch.setattr(history, "recall", recall)
    return asked


def test_a_bundle_waits_for_what_comes_after_the_trigger(tmp_path: Path, calls: list[int]) -> None:
    trigger_ns = time.monotonic_ns()
    how = configured(tmp_path, post_sec=POST_NS / 1e9)
    sealed = make(anomaly(trigger_ns=trigger_ns), how)
    assert calls[0] < calls[1]
    assert calls[1] >= trigger_ns + POST_NS
    events = np.load(io.BytesIO(files_of(sealed)["events.npy"]))
    assert events["end_ns"].tolist() == [1, 2, trigger_ns + 1]
    assert manifest_of(sealed).events.records == 3


@pytest.mark.parametrize(
    "changes", [{"trigger_ns": 5}, {"trigger_ns": 1 << 62}], ids=["long ago", "of another boot"]
)
def test_there_is_nothing_to_wait_for_when_it_is_over(
    tmp_path: Path, changes: dict[str, int], calls: list[int]
) -> None:
    make(anomaly(**changes), configured(tmp_path, post_sec=1))  # no host is up for less
    assert len(calls) == 2


def test_a_bundle_that_nobody_declared_has_no_after(tmp_path: Path, calls: list[int]) -> None:
    manual = anomaly(trigger_ns=time.monotonic_ns(), rule=Cause.MANUAL)
    make(manual, configured(tmp_path, post_sec=3600))
    assert len(calls) == 1


def test_in_a_hurry_nobody_waits(tmp_path: Path, calls: list[int]) -> None:
    async def hurried() -> bundle.Made | None:
        config = configured(tmp_path, post_sec=3600)
        job, declared = (
            Job(config, Children(lambda _: None)),
            anomaly(trigger_ns=time.monotonic_ns()),
        )
        made = asyncio.ensure_future(bundle.make(declared, config, job, surroundings()))
        job.end()
        return await made

    assert asyncio.run(hurried()) is not None
    assert len(calls) == 2


def test_the_manifest_names_the_other_anomalies_of_the_incident(tmp_path: Path) -> None:
    other = Relation(TIMESTAMP + 7, "Error", "failed")
    told = manifest_of(
        make(anomaly(), configured(tmp_path), surroundings(related=lambda _: (other,)))
    )
    assert told.related == (other,)


def test_the_anomaly_is_told_without_its_records(tmp_path: Path) -> None:
    slow = operation()
    declared = anomaly(worst=(slow,), evidence=records(1).tobytes())
    told = json.loads(files_of(make(declared, configured(tmp_path)))["anomaly.json"])
    assert told["anomaly"] == "Latency"
    assert told["timestamp"] == TIMESTAMP
    assert told["worst"][0]["command"] == "SMB2_READ"
    assert "evidence" not in told


def test_what_detect_must_not_ask_for_is_not_run(tmp_path: Path) -> None:
    wanted = ("dmesg", "dmesg", "../../etc/passwd", "stats")
    only = Guardian(anomalies={"latency": Latency(actions=(ActionName.DMESG,))})
    sealed = make(anomaly(actions=wanted), replace(configured(tmp_path), guardian=only))
    sources = manifest_of(sealed).sources
    assert [(source.name, source.status, source.file) for source in sources] == [
        ("dmesg", Status.OK, "dmesg.log"),
        ("../../etc/passwd", Status.MISSING, ""),
        ("stats", Status.MISSING, ""),
    ]
    assert [source.note for source in sources[1:]] == [
        "no such action",
        "the configuration does not allow it",
    ]
    assert "stats.log" not in files_of(sealed)


def test_a_sealed_bundle_is_not_made_again(tmp_path: Path) -> None:
    path = Path(make(anomaly(), configured(tmp_path)).path)
    before = path.stat()
    again = made_of(anomaly(count=99), configured(tmp_path))
    assert asyncio.run(again) is None
    assert path.stat() == before


def begin(tmp_path: Path, *actions: str) -> Path:
    """The folder of a maker that died when these actions were done, and another was not."""
    folder = tmp_path / names.folder(TIMESTAMP)

    def die(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(filling, "explain", die)
        asyncio.run(made_of(anomaly(actions=actions), configured(tmp_path)))
    (folder / "other.log").write_text("half")
    (folder / ".events.npy.new").write_text("half")
    (tmp_path / names.unfinished(TIMESTAMP)).write_text("half")
    return folder


def test_what_was_begun_is_gone_on_with(tmp_path: Path) -> None:
    begin(tmp_path, "dmesg")
    sealed = make(anomaly(actions=("stats", "dmesg")), configured(tmp_path))
    told = manifest_of(sealed)
    assert told.interrupted == 1
    assert [(source.name, source.status) for source in told.sources] == [
        ("stats", Status.MISSING),
        ("dmesg", Status.OK),
    ]
    stats, dmesg = told.sources
    assert dmesg.note == ""
    assert stats.note.endswith(filling.TAKEN_AGAIN)
    assert set(files_of(sealed)) == {
        "SUMMARY.txt", "manifest.json", "anomaly.json", "stats.json", "events.npy", "dmesg.log",
        "stats.log",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == [Path(sealed.path).name]


@pytest.mark.parametrize("content", [None, b"kernel said", b"another thing"])
def test_what_is_not_as_it_was_noted_is_taken_again(tmp_path: Path, content: bytes | None) -> None:
    log = begin(tmp_path, "dmesg") / "dmesg.log"
    log.unlink()
    if content is not None:
        log.write_bytes(content)
    sealed = make(anomaly(actions=("dmesg",)), configured(tmp_path))
    assert files_of(sealed)["dmesg.log"] == b"kernel says\n"
    assert manifest_of(sealed).sources[0].note == filling.TAKEN_AGAIN


def test_operations_that_the_log_has_no_more_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(tmp_path, "dmesg")
    recalled(monkeypatch, Recorded((records(7),), {}, "no history"))
    sealed = make(anomaly(), configured(tmp_path))
    assert manifest_of(sealed).events.records == len(HISTORY)
    assert manifest_of(sealed).events.note == "from before an interruption"


def test_large_pieces_are_for_the_threads_that_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: set[str] = set()

    def noted(work: Callable[..., object]) -> Callable[..., object]:
        def note(*args: object, **how: object) -> object:
            used.add(threading.current_thread().name)
            return work(*args, **how)

        return note

    monkeypatch.setattr(history, "recall", noted(history.recall))
    monkeypatch.setattr(archive, "pack", noted(archive.pack))
    with ThreadPoolExecutor(1, "cut") as cut, ThreadPoolExecutor(1, "pack") as pack:
        around = surroundings(recalling=cut, packing=pack)
        asyncio.run(made_of(anomaly(), configured(tmp_path), around))
    assert used == {"cut_0", "pack_0"}


def test_what_nobody_waits_for_is_sealed_as_it_is(tmp_path: Path) -> None:
    begin(tmp_path, "dmesg")
    found = bundle.begun(tmp_path, TIMESTAMP)
    assert found is not None
    found = replace(found, actions=("dmesg", "stats"))
    made = asyncio.run(made_of(found, configured(tmp_path), only_seal=True))
    assert made is not None
    told = manifest_of(made.sealed)
    assert [(source.status, source.note) for source in told.sources] == [
        (Status.OK, ""),
        (Status.MISSING, filling.NOT_COLLECTED),
    ]
    assert (told.interrupted, told.events.records) == (1, 3)


def test_a_folder_without_a_whole_anomaly_was_not_begun(tmp_path: Path) -> None:
    folder = tmp_path / names.folder(TIMESTAMP)
    assert bundle.begun(tmp_path, TIMESTAMP) is None
    folder.mkdir()
    (folder / "anomaly.json").write_text("{")
    assert bundle.begun(tmp_path, TIMESTAMP) is None
    sealed = make(anomaly(), configured(tmp_path))
    assert json.loads(files_of(sealed)["anomaly.json"])["timestamp"] == TIMESTAMP


def test_what_was_collected_outlives_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Recorded:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        monkeypatch.setattr(history, "recall", fail)
        asyncio.run(made_of(anomaly(), configured(tmp_path)))
    assert [path.name for path in tmp_path.iterdir()] == [names.folder(TIMESTAMP)]
    assert bundle.begun(tmp_path, TIMESTAMP) is not None


def test_no_space_for_anything_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(contents, "anomaly_json", fail)
    with pytest.raises(OSError, match="No space"):
        asyncio.run(made_of(anomaly(), configured(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_no_space_for_the_archive_leaves_what_is_needed_for_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(os, "fsync", full)
        asyncio.run(made_of(anomaly(actions=("dmesg",)), configured(tmp_path)))
    assert [path.name for path in tmp_path.iterdir()] == [names.folder(TIMESTAMP)]
    told = manifest_of(make(anomaly(actions=("dmesg",)), configured(tmp_path)))
    assert [(source.status, source.note) for source in told.sources] == [(Status.OK, "")]


def test_a_canceled_bundle_ends_its_children_and_can_be_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Command(("sh", "-c", "echo; exec sleep infinity"))
    hang = replace(ROWS[0], commands=(command,))
    monkeypatch.setattr(table, "ACTIONS", (hang,))

    async def cancel_when_it_runs() -> None:
        made = asyncio.create_task(made_of(anomaly(actions=("dmesg",)), configured(tmp_path)))
        log = tmp_path / names.folder(TIMESTAMP) / "dmesg.log"
        while not log.exists():
            await asyncio.sleep(0)
        made.cancel()
        with pytest.raises(asyncio.CancelledError):
            await made

    asyncio.run(cancel_when_it_runs())
    monkeypatch.setattr(table, "ACTIONS", ROWS)
    told = manifest_of(make(anomaly(actions=("dmesg",)), configured(tmp_path)))
    assert [(source.status, source.note) for source in told.sources] == [
        (Status.OK, filling.TAKEN_AGAIN)
    ]


def test_the_manifest_says_why_a_bundle_was_ended_and_what_was_refused(tmp_path: Path) -> None:
    async def ended() -> Sealed:
        config = configured(tmp_path)
        job = Job(config, Children(lambda _: None))
        job.end("why")
        made = await bundle.make(anomaly(), config, job, surroundings(losses=lambda: {"x": 7}))
        assert made is not None
        return made.sealed

    told = manifest_of(asyncio.run(ended()))
    assert told.note == "ended early: why"
    assert told.losses == {"dropped_ring_full": 3, "x": 7}


def test_in_a_hurry_the_bundle_is_sealed_with_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = replace(ROWS[0], commands=(Command(("sleep", "infinity")),))
    monkeypatch.setattr(table, "ACTIONS", (hang,))

    async def in_a_hurry() -> Sealed:
        config = configured(tmp_path, action_timeout_sec=1000)
        job = Job(config, Children(lambda _: None))
        job.end()
        made = await bundle.make(anomaly(actions=("dmesg",)), config, job, surroundings())
        assert made is not None
        return made.sealed

    told = manifest_of(asyncio.run(in_a_hurry()))
    assert told.events.records == 3
    assert told.sources[0].status is Status.TIMED_OUT


def test_the_manifest_says_that_the_clock_was_set(tmp_path: Path) -> None:
    hour_ns, moment_ns = 3600 * 10**9, 500 * 10**9
    moments = [Clocks(hour_ns, moment_ns), Clocks(0, moment_ns)]
    watch = ClockWatch(lambda: moments.pop(0) if len(moments) > 1 else moments[0])
    watch.look()
    just_now = replace(anomaly(), trigger_ns=time.monotonic_ns())
    told = manifest_of(make(just_now, configured(tmp_path), surroundings(clock=watch)))
    assert told.note.startswith("the clock was set back by 3,600.0 s about 0 s after the trigger")
