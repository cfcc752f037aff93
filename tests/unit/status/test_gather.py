"""What `aod status` says, from the head of an event log."""

import os
import re
import time
from pathlib import Path

import msgspec
import pytest

from aod.cli import status
from aod.cli.aod import main
from aod.conservation import violation
from aod.kernel import reader_lock
from aod.smb.commands import ConnectionEvent
from aod.state import names
from aod.status import metrics, text, workers
from aod.status.gather import gather
from aod.status.model import CommandStatus, Status, unhealthy
from aod.status.workers import DaemonReport, WorkerReport
from aod.transport.eventlog import COUNTERS, EventLog
from aod.transport.position import EventLogError
from aod.transport.wire import STAGES
from scripts.vm.tools import REPO
from tests.rig import configs

CREATE = 5
SECOND = 10**9


@pytest.fixture
def event_log(tmp_path: Path) -> EventLog:
    return EventLog.create(tmp_path, 1)


def _count(event_log: EventLog, command: int, **counters: int) -> None:
    for name, value in counters.items():
        event_log.header["stats"][name][command] = value


def test_sum_that_holds_and_one_that_does_not(event_log: EventLog) -> None:
    _count(event_log, CREATE, started=9, finished=7, emitted=4, filtered=2, dropped_ring_full=1)
    assert gather(event_log.path.parent).conserved
    _count(event_log, CREATE, finished=8)
    found = gather(event_log.path.parent)
    assert not found.conserved
    assert "sums         WRONG: lost or counted twice" in text.render(found)


def test_events_that_this_kernel_does_not_tell_are_named(event_log: EventLog) -> None:
    assert "not seen" not in text.render(gather(event_log.path.parent))
    event_log.header["unseen_events"] = 1 << ConnectionEvent.SESSION_EXPIRED
    found = gather(event_log.path.parent)
    assert found.unseen == ("session expired",)
    assert "not seen     session expired\n" in text.render(found)


def test_commands_that_never_occurred_have_no_row(event_log: EventLog) -> None:
    _count(event_log, CREATE, started=1)
    assert list(gather(event_log.path.parent).commands) == ["SMB2_CREATE"]


@pytest.fixture
def daemon(event_log: EventLog) -> Status:
    """One that runs and is healthy."""
    _count(event_log, CREATE, started=9, finished=7, emitted=7)
    found = gather(event_log.path.parent)
    workers = tuple(
        WorkerReport(stage, "running", 0, "ready", "", 1, 0, "", {}) for stage in STAGES
    )
    report = DaemonReport("1", 1, "2026", time.monotonic_ns(), workers)
    return msgspec.structs.replace(found, supervisor_pid=1, daemon=report)


def changed(found: Status, stage: str, **worker: object) -> Status:
    workers = tuple(
        msgspec.structs.replace(one, **worker) if one.stage == stage else one
        for one in found.daemon.workers
    )
    return with_report(found, workers=workers)


def with_report(found: Status, **changes: object) -> Status:
    return msgspec.structs.replace(found, daemon=msgspec.structs.replace(found.daemon, **changes))


def test_what_makes_it_unhealthy_is_said_in_a_line_each(daemon: Status) -> None:
    now_ns = daemon.daemon.written_ns
    long_ago_ns = now_ns - 60 * SECOND
    assert unhealthy(daemon, now_ns) == []
    assert text.render(daemon).endswith("\nhealthy")
    wrong = violation.Violation("records", "SMB2_READ", 5, 4, 1)
    for change, why in (
        (changed(daemon, "detect", state="backing-off"), "detect is backing-off"),
        (msgspec.structs.replace(daemon, supervisor_pid=None), "the supervisor does not run"),
        (msgspec.structs.replace(daemon, violations=(wrong,)), "records of SMB2_READ: 5 "),
        (msgspec.structs.replace(daemon, stats_ns=long_ago_ns), "the counters are 60 s old"),
        (
            with_report(daemon, written_ns=long_ago_ns),
            "the supervisor is silent; its last report is 60 s",
        ),
        (with_report(daemon, workers=()), "the supervisor reports no workers"),
    ):
        (line,) = unhealthy(change, now_ns)
        assert line.startswith(why)


def test_how_far_the_packets_reach_back_is_shown_where_they_are_recorded(daemon: Status) -> None:
    assert "packets " not in text.render(daemon)
    counters = {"packets_recording": 1, "packets_reach_sec": 1234, "packets_dropped": 5}
    recording = changed(daemon, "capture", counters=counters)
    assert "packets      recorded; the oldest is 1,234 s old; 5 dropped\n" in text.render(recording)
    waiting = changed(daemon, "capture", counters={"packets_recording": 0})
    assert "packets      NOT recorded; the oldest is 0 s old; 0 dropped\n" in text.render(waiting)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_is_impaired_counts_whatever_its_note(daemon: Status, stage: str) -> None:
    note = "why it cannot do its work"
    impaired = changed(daemon, stage, health="impaired", note=note)
    assert unhealthy(impaired, daemon.daemon.written_ns) == [f"{stage}: {note}"]
    assert text.render(impaired).endswith(f"\nunhealthy: {stage}: {note}")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_waits_or_stops_does_not(daemon: Status, stage: str) -> None:
    for health in ("waiting", "ready", "stopping"):
        assert (
            unhealthy(changed(daemon, stage, health=health, note="any"), daemon.daemon.written_ns)
            == []
        )


@pytest.mark.parametrize("stage", STAGES)
def test_a_silent_stage_counts(daemon: Status, stage: str) -> None:
    for state in ("hanging", "killed", "failed", "new", "starting", "stopped"):
        assert unhealthy(changed(daemon, stage, state=state), daemon.daemon.written_ns) == [
            f"{stage} is {state}"
        ]


def test_the_names_in_the_report_are_those_of_before(daemon: Status) -> None:
    worker = msgspec.to_builtins(daemon)["daemon"]["workers"][0]
    assert list(worker) == [
        *("stage", "state", "pid", "says", "note", "beat_ns", "restarts", "last_end", "counters")
    ]


def test_every_counter_of_the_kernel_is_in_the_status() -> None:
    assert {*CommandStatus.__struct_fields__} == {*COUNTERS, "gave_up", "doubt"}


def test_the_total_is_over_all_commands(event_log: EventLog) -> None:
    assert gather(event_log.path.parent).total == CommandStatus(*[0] * 13)
    _count(event_log, CREATE, started=9, finished=7, dropped_ring_full=1)
    _count(event_log, CREATE + 1, started=1, dropped_inflight_full=1)
    total = gather(event_log.path.parent).total
    assert (total.started, total.finished, total.dropped) == (10, 7, 2)


def test_what_detect_refused_is_counted_once(daemon: Status) -> None:
    outcomes = {"refused": 5, "set_aside": 2}
    refused = msgspec.structs.replace(daemon, outcomes=outcomes, refused_by_detect=3)
    assert "5 refused, 2 failed permanently, 0 lost;" in text.render(refused)


def test_operations_that_are_being_counted_are_not_missing(event_log: EventLog) -> None:
    _count(event_log, CREATE, started=9, finished=7, emitted=6, begun=20, ended=19)
    assert gather(event_log.path.parent).conserved
    _count(event_log, CREATE, ended=20)
    assert not gather(event_log.path.parent).conserved


def test_metrics_are_in_prometheus_text_format(daemon: Status) -> None:
    wrong = violation.Violation("records", 'a "b"\\\n', 5, 4, 1)
    shown = metrics.render(msgspec.structs.replace(daemon, violations=(wrong,)))
    assert shown.endswith("\n")
    sample = re.compile(r'[a-z_]+(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)+\})? -?[0-9.e+]+')
    known: dict[str, str] = {}
    for line in shown.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in known
            assert name.endswith("_total") == (kind == "counter")
            known[name] = kind
        elif not line.startswith("# HELP "):
            assert sample.fullmatch(line), line
            assert re.split("[{ ]", line)[0] in known
    assert 'aod_operations_finished_total{command="SMB2_CREATE"} 7' in shown
    assert 'aod_worker_up{stage="detect"} 1' in shown
    assert 'aod_conservation_off_by{sum="records",command="a \\"b\\"\\\\\\n"} 1' in shown
    assert shown.endswith("aod_healthy 0\n")


def test_the_newest_bundle_and_the_room_are_told(event_log: EventLog, tmp_path: Path) -> None:
    config = configs.config(tmp_path)
    for timestamp in (10**18, 2 * 10**18):
        (config.aod_output_dir / names.archive(timestamp)).write_bytes(b"x" * 2048)
    found = gather(event_log.path.parent, config)
    assert found.output is not None
    assert (found.output.bundles, found.output.bytes) == (2, 4096)
    assert found.output.last == names.archive(2 * 10**18)
    assert f"last bundle  {found.output.last}, 2033-05-18" in text.render(found)


def test_where_no_daemon_runs_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "aod.yaml"
    shipped = (REPO / "conf" / "aod.yaml").read_text()
    path.write_text(f"runtime_dir: {tmp_path / 'none'}\n{shipped}")
    assert main(["status", "-c", str(path)]) == 1
    said = capsys.readouterr().err
    assert "unhealthy: no daemon runs here" in said
    assert "systemctl start aod" in said


def test_who_may_not_look_is_told_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise EventLogError(f"{path}: Permission denied")

    monkeypatch.setattr(status, "gather", refuse)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    path = tmp_path / "aod.yaml"
    shipped = (REPO / "conf" / "aod.yaml").read_text()
    path.write_text(f"runtime_dir: {tmp_path}\n{shipped}")
    assert main(["status", "-c", str(path)]) == 1
    said = capsys.readouterr().err
    assert "only root may look at the daemon" in said
    assert "try `sudo aod status`" in said


def test_reader_of_the_clients_files_that_hangs_is_told(
    event_log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime_dir = event_log.path.parent
    assert gather(runtime_dir).hanging_reader == ""
    monkeypatch.setattr(reader_lock, "HANGS_SEC", 0)
    turn = reader_lock.take(runtime_dir)
    assert turn is not None
    found = gather(runtime_dir)
    turn.give_back()
    assert found.hanging_reader.startswith(f"reader of /proc/fs/cifs (pid {os.getpid()}, since ")
    assert f"a {found.hanging_reader} hangs in the kernel" in text.render(found)
    assert "aod_client_reader_hangs 1\n" in metrics.render(found)
    alive = msgspec.structs.replace(found, supervisor_pid=1)
    assert f"a {found.hanging_reader} hangs in the kernel" in unhealthy(alive, 0)
    assert gather(runtime_dir).hanging_reader == ""


def test_files_that_were_not_read_are_counted(event_log: EventLog) -> None:
    counted = [
        WorkerReport(stage, "running", 1, "ready", "", 1, 0, "", {"not_read": count})
        for stage, count in (("collect", 2), ("capture", 3))
    ]
    workers.FILE.write(event_log.path.parent, DaemonReport(workers=tuple(counted)))
    found = gather(event_log.path.parent)
    assert found.not_read == 5
    assert "not read     files of /proc/fs/cifs, 5 times\n" in text.render(found)
    assert "aod_client_files_not_read_total 5\n" in metrics.render(found)
