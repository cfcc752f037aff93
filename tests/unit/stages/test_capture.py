"""The capture stage: every declared anomaly gets one bundle, whatever happens to the stage."""

import asyncio
import logging
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest
from msgspec.structs import replace

from aod.actions import table
from aod.actions.action import Action, Command
from aod.actions.result import Status
from aod.anomaly import Anomaly, Cause
from aod.audit import entries, log
from aod.audit.entries import (
    CaptureFailed,
    CaptureInterrupted,
    CaptureRefused,
    CaptureWaits,
    Declared,
    Entry,
)
from aod.audit.log import AuditLog
from aod.bundles import bundle, filling, manifest
from aod.bundles.filling import allowed
from aod.bundles.manifest import Manifest
from aod.bundles.workfolder import work_folder
from aod.capture import manual, output_folder
from aod.config.schema import Capture, Config, Guardian, Supervision, Watcher
from aod.detectors.latency import Latency
from aod.settings import ActionName
from aod.stages import capture
from aod.state import names, spool
from aod.state.names import AUDIT_FILE
from aod.transport.wire import OwnPids, Sealed
from tests.rig import audit_log
from tests.rig.bundles import open_bundle
from tests.rig.configs import config
from tests.rig.stage import (
    kill,
    next_beat,
    next_message,
    peers,
    received,
    spool_of,
    start,
    start_with_line,
    stop,
)
from tests.unit.samples import TIMESTAMP, anomaly, event_log, records

QUICK = Action(
    name=ActionName.DMESG,
    file="dmesg.log",
    about="",
    commands=(Command(("echo", "x")),),
    timeout_sec=60,
    max_bytes=1000,
)


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "ACTIONS", (QUICK,))


def hanging_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    hang = Command(("sleep", "infinity"))
    monkeypatch.setattr(table, "ACTIONS", (replace(QUICK, commands=(hang,)),))


def spooled(made: Config, *timestamps: int) -> None:
    for timestamp in timestamps:
        declared = anomaly(timestamp=timestamp, actions=("dmesg",))
        spool.write(spool_of(made), declared)


def bundles(made: Config) -> list[str]:
    """All names in the output folder but the audit log's."""
    names_there = sorted(path.name for path in made.aod_output_dir.iterdir())
    return [name for name in names_there if name != AUDIT_FILE]


def audited(made: Config) -> list[Entry]:
    return audit_log.decoded(made.aod_output_dir)


def run_to_the_end(made: Config) -> list[Sealed]:
    """Run the stage in this process over what is pending; what it told cleanup."""
    with peers(made) as around:
        cleanup = around.inbox("cleanup")
        context = around.context("capture")
        context.signals.stops = 1
        assert capture.run(context) == 0
        told = []
        while cleanup.socket.poll(100) and (message := received(cleanup)) is not None:
            assert isinstance(message, Sealed)
            told.append(message)
        context.close()
    return told


def manifest_in(made: Config, timestamp: int) -> Manifest:
    opened = open_bundle(made.aod_output_dir / names.archive(timestamp))
    return manifest.decode(opened.files["manifest.json"])


def test_what_is_pending_at_the_start_is_captured(tmp_path: Path) -> None:
    made = config(tmp_path)
    spooled(made, 1, 2, 3)
    told = run_to_the_end(made)
    assert sorted(message.timestamp for message in told) == [1, 2, 3]
    assert bundles(made) == [names.archive(timestamp) for timestamp in (1, 2, 3)]
    assert spool.pending(spool_of(made)) == []
    for message in told:
        assert Path(message.path).stat().st_size == message.size_bytes


def test_collect_is_told_of_the_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging_rows(monkeypatch)
    made = config(tmp_path)
    spooled(made, 1)
    stage = start("capture", capture.run, made)
    with peers(made) as around:
        collect = around.inbox("collect")
        while not (pids := next_message(collect, OwnPids).pids):
            pass
        (child,) = pids
        comm = Path(f"/proc/{child}/comm")
        while comm.read_text() == "aod-capture\n":  # exec tells its parent before it is over
            pass
        assert comm.read_text() == "sleep\n"
    kill(stage)
    os.kill(child, signal.SIGKILL)


def test_an_output_folder_that_hangs_at_the_start_does_not_silence_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, release = os.pipe()

    def hang(_config: Config) -> list[Entry]:
        os.read(held, 1)
        return []

    monkeypatch.setattr(log, "read", hang)
    made = config(tmp_path)
    spooled(made, 1)
    stage, line = start_with_line("capture", capture.run, made)
    try:
        with peers(made) as around:
            cleanup = around.inbox("cleanup")
            for _ in range(2):
                assert next_beat(line).counters["sealed"] == 0
            os.write(release, b"\n")
            assert next_message(cleanup, Sealed).timestamp == 1
    finally:
        kill(stage)
        line.close()
        os.close(held)
        os.close(release)


def test_the_history_is_in_the_bundle(tmp_path: Path) -> None:
    made = config(tmp_path, capture=Capture(history_sec=2))
    event_log(made.runtime_dir, records(1 * 10**9, 4 * 10**9, 5 * 10**9, 6 * 10**9))
    spool.write(spool_of(made), anomaly(evidence=records(5 * 10**9).tobytes()))
    run_to_the_end(made)
    told = manifest_in(made, TIMESTAMP)
    assert (told.events.records, told.events.before_trigger) == (3, 1)
    assert told.losses["dropped_ring_full"] == 0


def leave_unfinished(made: Config, *timestamps: int) -> None:
    for timestamp in timestamps:
        folder = made.aod_output_dir / names.folder(timestamp)
        folder.mkdir()
        (folder / "dmesg.log").write_text("half")
        (made.aod_output_dir / names.unfinished(timestamp)).write_text("half")


def test_a_killed_captures_bundles_are_finished_and_what_is_of_no_use_is_removed(
    tmp_path: Path,
) -> None:
    made = config(tmp_path)
    spooled(made, 1)
    leave_unfinished(made, 1, 2)
    run_to_the_end(made)
    assert bundles(made) == [names.archive(1)]
    told = manifest_in(made, 1)
    assert (told.interrupted, [one.status for one in told.sources]) == (1, [Status.OK])
    interrupted = [one for one in audited(made) if isinstance(one, CaptureInterrupted)]
    assert [one.timestamp for one in interrupted] == [1, 2]


def test_a_killed_captures_bundle_without_an_entry_is_sealed_as_it_is(tmp_path: Path) -> None:
    made = config(tmp_path)
    leave_unfinished(made, 1)
    (made.aod_output_dir / names.folder(1) / "anomaly.json").write_bytes(
        msgspec.json.encode(anomaly(timestamp=1, actions=("dmesg",)))
    )
    assert [sealed.timestamp for sealed in run_to_the_end(made)] == [1]
    told = manifest_in(made, 1)
    assert told.interrupted == 1
    assert [(one.status, one.note) for one in told.sources] == [
        (Status.MISSING, filling.NOT_COLLECTED)
    ]
    assert bundles(made) == [names.archive(1)]


def test_what_was_sealed_before_the_death_leaves_no_folder(tmp_path: Path) -> None:
    made = config(tmp_path)
    spooled(made, 1)
    leave_unfinished(made, 1)
    (made.aod_output_dir / names.archive(1)).write_text("sealed")
    run_to_the_end(made)
    assert bundles(made) == [names.archive(1)]
    assert spool.pending(spool_of(made)) == []


def test_beyond_those_that_may_wait_the_newest_get_no_bundle(tmp_path: Path) -> None:
    few = Capture(max_concurrent_captures=2, max_waiting=3, post_sec=0, min_free_mb=0)
    made = config(tmp_path, capture=few)
    spooled(made, *range(1, 10))
    asked = anomaly(timestamp=10, rule=Cause.MANUAL)
    spool.write(spool_of(made), asked)
    run_to_the_end(made)
    assert bundles(made) == sorted(names.archive(timestamp) for timestamp in (*range(1, 6), 10))
    assert spool.pending(spool_of(made)) == []
    records_of = audited(made)
    assert [one.timestamp for one in records_of if isinstance(one, CaptureRefused)] == [6, 7, 8, 9]
    declared = [one.timestamp for one in records_of if isinstance(one, Declared)]
    assert sorted(declared) == list(range(1, 11))
    assert manifest_in(made, 10).losses["refused_captures"] == 4


def test_a_predecessors_declarations_are_not_repeated(tmp_path: Path) -> None:
    made = config(tmp_path)
    log = AuditLog(made, logging.getLogger("test"))
    log.write(entries.declared(anomaly(timestamp=1)))
    spooled(made, 1, 2)
    run_to_the_end(made)
    declared = [one.timestamp for one in audited(made) if isinstance(one, Declared)]
    assert declared == [1, 2]


def test_below_the_floor_nothing_is_begun_and_everything_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = config(tmp_path, capture=Capture(min_free_mb=1_000_000_000, post_sec=0))
    spooled(made, 1, 2)
    assert run_to_the_end(made) == []
    assert bundles(made) == []
    assert len(spool.pending(spool_of(made))) == 2
    waits = [one for one in audited(made) if isinstance(one, CaptureWaits)]
    assert [one.timestamp for one in waits] == [1, 2]
    assert "less than the floor" in waits[0].why
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


def test_those_that_wait_for_space_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(tmp_path, capture=Capture(min_free_mb=1_000_000_000, post_sec=0))
    spooled(made, 1, 2)
    read = Mock(wraps=spool.read)
    monkeypatch.setattr(spool, "read", read)

    async def look_thrice() -> None:
        with peers(made) as around:
            stage = capture.Capture(around.context("capture"))
            await stage.output.look()
            for _ in range(3):
                stage._start_due()
            stage.audit.close()

    asyncio.run(look_thrice())
    assert read.call_count == 2


def test_a_capture_that_runs_is_ended_when_the_space_gets_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging_rows(monkeypatch)
    made = config(tmp_path)
    spooled(made, 1)
    found = output_folder.look(tmp_path)
    full = os.statvfs_result((*found[:4], -1, *found[5:]))

    def look(_folder: Path) -> os.statvfs_result:
        runs = (made.aod_output_dir / names.folder(1) / "dmesg.log").exists()
        return full if runs else found

    monkeypatch.setattr(output_folder, "look", look)
    assert [sealed.timestamp for sealed in run_to_the_end(made)] == [1]
    told = manifest_in(made, 1)
    assert told.note.startswith("ended early: ")
    assert told.sources[0].status is Status.TIMED_OUT
    assert told.sources[0].note.startswith("cut short: ")
    assert "less than the floor" in told.sources[0].note


def test_a_sealed_bundle_only_loses_its_entry(tmp_path: Path) -> None:
    made = config(tmp_path)
    spooled(made, 1)
    sealed = made.aod_output_dir / names.archive(1)
    sealed.write_text("sealed before the kill")
    assert run_to_the_end(made) == []
    assert sealed.read_text() == "sealed before the kill"
    assert spool.pending(spool_of(made)) == []


def test_an_entry_that_is_not_ours_costs_nothing_but_itself(tmp_path: Path) -> None:
    made = config(tmp_path)
    (spool_of(made) / "1.json").write_text("{}")
    (spool_of(made) / "2.json").symlink_to("/etc/passwd")
    spooled(made, 3)
    run_to_the_end(made)
    assert bundles(made) == [names.archive(3)]
    assert sorted(path.name for path in spool_of(made).iterdir()) == ["1.rejected", "2.rejected"]


def test_a_failing_capture_keeps_its_entry_and_leaves_nothing(tmp_path: Path) -> None:
    made = config(tmp_path)
    spooled(made, 1, 2)
    (made.aod_output_dir / names.folder(1)).write_text("a file where the folder should be")
    run_to_the_end(made)
    assert bundles(made) == [names.folder(1), names.archive(2)]
    assert [path.name for path in spool.pending(spool_of(made))] == ["1.json"]


def test_a_folder_that_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    made = config(tmp_path)
    spooled(made, 1)
    with suppress(ZeroDivisionError), work_folder(made.aod_output_dir, 1) as folder:
        (folder / "dmesg.log").touch()
        assert run_to_the_end(made) == []
        raise ZeroDivisionError  # as a maker that dies leaves it
    assert not [one for one in audited(made) if isinstance(one, CaptureFailed)]
    assert [one.timestamp for one in audited(made) if isinstance(one, CaptureWaits)] == [1]
    assert [sealed.timestamp for sealed in run_to_the_end(made)] == [1]


def test_a_fault_of_ours_ends_one_capture_and_not_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(tmp_path)
    spooled(made, 1, 2)
    real_make = bundle.make

    async def make(one: Anomaly, *arguments: Any, **options: Any) -> bundle.Made | None:
        if one.timestamp == 1:
            raise ZeroDivisionError
        return await real_make(one, *arguments, **options)

    monkeypatch.setattr(bundle, "make", make)
    assert [message.timestamp for message in run_to_the_end(made)] == [2]


def test_an_output_folder_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    made = config(tmp_path)
    spooled(made, 1)
    made.aod_output_dir.rmdir()
    run_to_the_end(made)
    assert bundles(made) == [names.archive(1)]
    assert made.aod_output_dir.stat().st_mode & 0o777 == 0o700


def test_no_more_than_allowed_are_made_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(tmp_path, capture=Capture(max_concurrent_captures=3, post_sec=0, min_free_mb=0))
    spooled(made, *range(1, 11))
    running, most = 0, 0

    async def make(*_arguments: object, **_options: object) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await asyncio.sleep(0)
        running -= 1

    monkeypatch.setattr(bundle, "make", make)
    run_to_the_end(made)
    assert most == 3
    assert spool.pending(spool_of(made)) == []


def test_a_message_rings_and_the_spool_alone_is_enough(tmp_path: Path) -> None:
    made = config(tmp_path)
    process = start("capture", capture.run, made)
    with peers(made) as around:
        cleanup, to_capture = around.inbox("cleanup"), around.outbox("capture")
        spooled(made, 1)
        to_capture.send(anomaly(timestamp=1))
        assert next_message(cleanup, Sealed).timestamp == 1
        spooled(made, 2)
        assert next_message(cleanup, Sealed).timestamp == 2
        to_capture.send(anomaly(timestamp=3))  # its spool was full
        assert next_message(cleanup, Sealed).timestamp == 3
    assert stop(process) == 0
    assert bundles(made) == [names.archive(timestamp) for timestamp in (1, 2, 3)]


def test_what_was_refused_does_not_come_back_with_its_message(tmp_path: Path) -> None:
    """The spool may be read before the message."""
    few = Capture(max_concurrent_captures=1, max_waiting=1, post_sec=0, min_free_mb=0)
    made = config(tmp_path, capture=few)
    spooled(made, 1, 2, 3)
    process = start("capture", capture.run, made)
    with peers(made) as around:
        cleanup, to_capture = around.inbox("cleanup"), around.outbox("capture")
        assert [next_message(cleanup, Sealed).timestamp for _ in "12"] == [1, 2]
        to_capture.send(anomaly(timestamp=3))
        to_capture.send(anomaly(timestamp=4))
        assert next_message(cleanup, Sealed).timestamp == 4
    assert stop(process) == 0
    assert bundles(made) == [names.archive(timestamp) for timestamp in (1, 2, 4)]


def test_sigterm_ends_it(tmp_path: Path) -> None:
    made = config(tmp_path)
    process = start("capture", capture.run, made)
    with peers(made) as around:
        cleanup = around.inbox("cleanup")
        spooled(made, 1)
        next_message(cleanup, Sealed)  # it runs
    assert stop(process) == 0


def test_an_anomaly_that_is_spooled_at_the_last_moment_is_captured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the loop's look into the spool and the decision that there is nothing left."""
    made = config(tmp_path)
    refuse = capture.Capture._refuse

    def late(stage: capture.Capture) -> None:
        if not bundles(made):
            spooled(made, 1)
        refuse(stage)

    monkeypatch.setattr(capture.Capture, "_refuse", late)
    assert [one.timestamp for one in run_to_the_end(made)] == [1]


def test_a_source_that_hangs_is_cut_short_at_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging_rows(monkeypatch)
    made = config(tmp_path, supervision=Supervision(drain_timeout_sec=4))
    event_log(made.runtime_dir, records(5 * 10**9))
    spool.write(spool_of(made), anomaly(actions=("dmesg",)))
    began = time.monotonic()
    run_to_the_end(made)
    assert time.monotonic() - began < 4
    told = manifest_in(made, TIMESTAMP)
    assert told.sources[0].status is Status.TIMED_OUT
    assert told.sources[0].note == "cut short: aod was shutting down"
    assert told.events.records == 1


def test_a_bundle_that_cannot_be_finished_is_left_for_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config(tmp_path, supervision=Supervision(drain_timeout_sec=0.5))
    spooled(made, 1)

    async def collect(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("aod.actions.runner.collect", collect)
    began = time.monotonic()
    assert run_to_the_end(made) == []
    assert time.monotonic() - began < 2
    assert bundles(made) == [names.folder(1)]
    assert [path.name for path in spool.pending(spool_of(made))] == ["1.json"]


def test_kill_it_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each anomaly has exactly one, whole bundle in the end, and nothing else is left."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    command = Command(("sh", "-c", "sleep 0.02; seq 10000"))
    slow = replace(QUICK, commands=(command,), max_bytes=1 << 20)
    monkeypatch.setattr(table, "ACTIONS", (slow,))
    made = config(tmp_path, capture=Capture(post_sec=0, max_waiting=100, min_free_mb=0))
    timestamps = range(1, 61)
    spooled(made, *timestamps)
    for _ in range(20):
        process = start("capture", capture.run, made)
        time.sleep(chance.uniform(0.0, 0.15))  # the moment of the kill; nothing waits for it
        kill(process)
    run_to_the_end(made)
    assert bundles(made) == sorted(names.archive(timestamp) for timestamp in timestamps)
    assert list(spool_of(made).iterdir()) == []
    for timestamp in timestamps:
        assert [one.status for one in manifest_in(made, timestamp).sources] == [Status.OK]


def test_capture_now(tmp_path: Path) -> None:
    made = config(
        tmp_path, guardian=Guardian(anomalies={"slow": Latency(actions=(ActionName.DMESG,))})
    )
    now_ns = time.monotonic_ns()
    log = event_log(made.runtime_dir, records(now_ns - 10**9, now_ns))
    log.header["realtime_offset_ns"] = 0  # a clock that was set since
    path = manual.capture_now(made, "slow")
    timestamp = names.archive.timestamp(path.name)
    assert timestamp is not None
    assert abs(timestamp - time.time_ns()) < 60 * 10**9
    told = manifest_in(made, timestamp)
    assert (told.anomaly.name, told.anomaly.rule) == ("slow", Cause.MANUAL)
    assert [source.name for source in told.sources] == ["dmesg"]
    assert (told.events.records, told.events.before_trigger) == (2, 2)


def test_capture_now_knows_only_what_is_configured(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        manual.capture_now(config(tmp_path), "nothing")


def test_capture_now_beside_a_starting_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon's search for leftovers does not take the folder from under a person's capture."""
    os.mkfifo(tmp_path / "fifo")
    waits = replace(QUICK, commands=(Command(("cat", str(tmp_path / "fifo"))),))
    monkeypatch.setattr(table, "ACTIONS", (waits,))
    made = config(
        tmp_path, guardian=Guardian(anomalies={"slow": Latency(actions=(ActionName.DMESG,))})
    )
    pid = os.fork()
    if not pid:
        manual.capture_now(made, "slow")
        os._exit(0)
    with (tmp_path / "fifo").open("w") as person:  # open when its `cat` runs
        run_to_the_end(made)
        person.write("still there\n")
    _, status = os.waitpid(pid, 0)
    assert status == 0
    [name] = bundles(made)
    timestamp = names.archive.timestamp(name)
    assert timestamp is not None
    assert manifest_in(made, timestamp).sources[0].status is Status.OK


def test_events_load_with_the_dtype_of_a_record(tmp_path: Path) -> None:
    made = config(tmp_path)
    event_log(made.runtime_dir, records(5 * 10**9, comm=b"cp"))
    spooled(made, TIMESTAMP)
    run_to_the_end(made)
    events = open_bundle(made.aod_output_dir / names.archive(TIMESTAMP)).events()
    assert (events == records(5 * 10**9, comm=b"cp")).all()


def test_an_anomaly_gets_what_the_configuration_gives_its_name(tmp_path: Path) -> None:
    mine = Latency(actions=(ActionName.DMESG, ActionName.STATS))
    made = replace(
        config(tmp_path),
        guardian=Guardian(anomalies={"mine": mine, "other": Latency()}),
        watcher=Watcher(actions=(ActionName.DMESG, ActionName.MOUNTS)),
    )
    given = {name: allowed(made, anomaly(name=name)) for name in ("mine", "other", "unknown")}
    assert given == {"mine": {"dmesg"}, "other": set(), "unknown": set()}
    assert allowed(made, anomaly(name="unknown", rule=Cause.MANUAL)) == {"dmesg"}


def test_what_a_declaration_wants_beyond_that_is_not_run(tmp_path: Path) -> None:
    made = config(tmp_path)
    spool.write(spool_of(made), anomaly(timestamp=1, name="unknown", actions=("dmesg",)))
    run_to_the_end(made)
    (source,) = manifest_in(made, 1).sources
    assert (source.name, source.status) == ("dmesg", Status.MISSING)
    assert source.note == "the configuration does not allow it"
