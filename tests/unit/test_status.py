"""What `aod status` says, from the head of an event log."""

import re
from pathlib import Path

import msgspec
import pytest

from aod.cli.aod import main
from aod.conservation import violation
from aod.kernel.attachments import to_mask
from aod.smb.connection import ConnectionEvent
from aod.state import names
from aod.status import gather as status
from aod.status import metrics as status_metrics
from aod.status import text as status_text
from aod.status.workers import DaemonReport, WorkerReport
from aod.transport.eventlog import EventLog
from aod.transport.eventlog_files import EventLogError
from tests.rig import configs

CREATE = 5


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog.create(tmp_path, 1)


def _count(log: EventLog, command: int, **counters: int) -> None:
    for name, value in counters.items():
        log.header["stats"][name][command] = value


def test_sum_that_holds_and_one_that_does_not(log: EventLog) -> None:
    _count(log, CREATE, started=9, finished=7, emitted=4, filtered=2, dropped_ring_full=1)
    assert status.gather(log.path.parent).conserved
    _count(log, CREATE, finished=8)
    found = status.gather(log.path.parent)
    assert not found.conserved
    assert "sums         NO: something is missing" in status_text.render(found)


def test_events_that_this_kernel_does_not_tell_are_named(log: EventLog) -> None:
    assert "not seen" not in status_text.render(status.gather(log.path.parent))
    log.header["unseen_events"] = to_mask([ConnectionEvent.SESSION_EXPIRED])
    found = status.gather(log.path.parent)
    assert found.unseen == ("session expired",)
    assert "not seen     session expired\n" in status_text.render(found)


def test_commands_that_never_occurred_have_no_row(log: EventLog) -> None:
    _count(log, CREATE, started=1)
    assert list(status.gather(log.path.parent).commands) == ["SMB2_CREATE"]


@pytest.fixture
def daemon(log: EventLog) -> status.Status:
    """One that runs and is healthy."""
    _count(log, CREATE, started=9, finished=7, emitted=7)
    found = status.gather(log.path.parent)
    worker = WorkerReport("detect", "running", 0, "ready", "", 1, 0, "", {})
    return msgspec.structs.replace(
        found, supervisor_pid=1, daemon=DaemonReport("1", 1, "2026", 1, (worker,))
    )


def changed(found: status.Status, **worker: str) -> status.Status:
    (one,) = found.daemon.workers
    workers = (msgspec.structs.replace(one, **worker),)
    return msgspec.structs.replace(
        found, daemon=msgspec.structs.replace(found.daemon, workers=workers)
    )


def test_what_makes_it_unhealthy_is_said_in_a_line_each(daemon: status.Status) -> None:
    assert status.unhealthy(daemon, 0) == []
    assert status_text.render(daemon).endswith("\nhealthy")
    wrong = violation.Violation("records", "SMB2_READ", 5, 4, 1)
    for change, why in (
        (changed(daemon, state="backing-off"), "detect is backing-off"),
        (changed(daemon, note="no bundles: the disk is full"), "detect: no bundles: the disk"),
        (msgspec.structs.replace(daemon, supervisor_pid=None), "the supervisor does not run"),
        (msgspec.structs.replace(daemon, violations=(wrong,)), "records of SMB2_READ: 5 "),
        (msgspec.structs.replace(daemon, stats_ns=1), "the counters are 60 s old"),
    ):
        (line,) = status.unhealthy(change, 60 * 10**9)
        assert line.startswith(why)
    waiting = changed(daemon, note="waiting for the cifs module to be loaded (a first mount)")
    assert status.unhealthy(waiting, 0) == []


def test_operations_that_are_being_counted_are_not_missing(log: EventLog) -> None:
    _count(log, CREATE, started=9, finished=7, emitted=6, begun=20, ended=19)
    assert status.gather(log.path.parent).conserved
    _count(log, CREATE, ended=20)
    assert not status.gather(log.path.parent).conserved


def test_metrics_are_in_prometheus_text_format(daemon: status.Status) -> None:
    wrong = violation.Violation("records", 'a "b"\\\n', 5, 4, 1)
    text = status_metrics.render(msgspec.structs.replace(daemon, violations=(wrong,)))
    assert text.endswith("\n")
    sample = re.compile(r'[a-z_]+(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)+\})? -?[0-9.e+]+')
    known: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in known
            assert name.endswith("_total") == (kind == "counter")
            known[name] = kind
        elif not line.startswith("# HELP "):
            assert sample.fullmatch(line), line
            assert re.split("[{ ]", line)[0] in known
    assert 'aod_operations_finished_total{command="SMB2_CREATE"} 7' in text
    assert 'aod_worker_up{stage="detect"} 1' in text
    assert 'aod_conservation_off_by{sum="records",command="a \\"b\\"\\\\\\n"} 1' in text
    assert text.endswith("aod_healthy 0\n")


def test_the_newest_bundle_and_the_room_are_told(log: EventLog, tmp_path: Path) -> None:
    config = configs.config(tmp_path)
    for timestamp in (10**18, 2 * 10**18):
        (config.aod_output_dir / names.archive(timestamp)).write_bytes(b"x" * 2048)
    found = status.gather(log.path.parent, config)
    assert found.output is not None
    assert (found.output.bundles, found.output.bytes) == (2, 4096)
    assert found.output.last == names.archive(2 * 10**18)
    assert f"last bundle  {found.output.last}, 2033-05-18" in status_text.render(found)


def test_where_no_daemon_runs_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "aod.yaml"
    shipped = (Path(__file__).resolve().parents[2] / "conf" / "aod.yaml").read_text()
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
    shipped = (Path(__file__).resolve().parents[2] / "conf" / "aod.yaml").read_text()
    path.write_text(f"runtime_dir: {tmp_path}\n{shipped}")
    assert main(["status", "-c", str(path)]) == 1
    said = capsys.readouterr().err
    assert "only root may look at the daemon" in said
    assert "try `sudo aod status`" in said
