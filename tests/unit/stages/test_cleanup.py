"""The cleanup stage: reacts at once, says what it did, and outlives a missing folder."""

import logging
import time
from pathlib import Path

import pytest

from aod.audit.entries import Deleted
from aod.audit.log import read
from aod.bundles import retention
from aod.bundles.retention import Entry, Reason
from aod.config.schema import Cleanup, Config
from aod.stages import cleanup
from aod.stages.cleanup import Cleaner, sweep
from aod.state import names
from aod.state.names import AUDIT_FILE
from aod.transport.wire import Sealed
from tests.rig.configs import config
from tests.rig.stage import PATIENCE_SEC, next_beat, peers, start_with_line, stop

HOUR_NS = 3600 * 10**9
LOG = logging.getLogger("test")
ONE_MB = Cleanup(max_log_age_days=1, max_total_log_size_mb=1, cleanup_interval_sec=3600)


def seal(made: Config, hours_old: float, size_bytes: int = 1000) -> Path:
    """A sealed bundle of that age."""
    timestamp = time.time_ns() - int(hours_old * HOUR_NS)
    path = made.aod_output_dir / names.archive(timestamp)
    path.write_bytes(b"x" * size_bytes)
    return path


def ring(path: Path) -> Sealed:
    timestamp = names.archive.timestamp(path.name)
    assert timestamp is not None
    return Sealed(timestamp, str(path), path.stat().st_size)


def test_a_sweep_deletes_by_age_and_by_size(tmp_path: Path) -> None:
    made = config(tmp_path, cleanup=ONE_MB)
    old, large, newest = seal(made, 25), seal(made, 2, 1_000_000), seal(made, 1, 100_000)
    folder = made.aod_output_dir / names.folder(12)
    folder.mkdir()
    removals = sweep(made)
    assert [(one.entry.name, one.reason) for one in removals] == [
        (old.name, Reason.AGE),
        (large.name, Reason.SIZE),
    ]
    log = made.aod_output_dir / AUDIT_FILE
    assert set(made.aod_output_dir.iterdir()) == {newest, folder, log}


def test_what_was_deleted_is_in_the_audit_log_and_what_would_be_is_not(tmp_path: Path) -> None:
    made = config(tmp_path, cleanup=ONE_MB)
    old, large = seal(made, 25), seal(made, 2, 1_000_000)
    seal(made, 1, 100_000)
    sweep(made, dry_run=True)
    assert list(read(made)) == []
    sweep(made)
    deleted = [one for one in read(made) if isinstance(one, Deleted)]
    assert [(one.bundle, one.size_bytes, one.reason) for one in deleted] == [
        (old.name, 1000, Reason.AGE),
        (large.name, 1_000_000, Reason.SIZE),
    ]


def test_a_dry_run_says_the_same_and_deletes_nothing(tmp_path: Path) -> None:
    made = config(tmp_path, cleanup=ONE_MB)
    seal(made, 25)
    planned = sweep(made, dry_run=True)
    assert sweep(made, dry_run=True) == planned
    assert [one.entry for one in sweep(made)] == [one.entry for one in planned]


def test_each_deletion_is_logged_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = config(tmp_path, cleanup=ONE_MB)
    old = seal(made, 25)
    cleaner = Cleaner(made, LOG)
    with caplog.at_level(logging.INFO):
        cleaner.sweep()
    assert caplog.messages == [f"deleted {old.name}: older than max_log_age_days"]
    assert cleaner.deleted == 1


def test_a_bundle_larger_than_the_limit_is_kept_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = config(tmp_path, cleanup=ONE_MB)
    path = seal(made, 1, 2_000_000)
    cleaner = Cleaner(made, LOG)
    cleaner.sweep()
    cleaner.sweep()
    assert path.exists()
    assert [path.name in message for message in caplog.messages] == [True]


def test_a_missing_folder_is_said_once_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = config(tmp_path, cleanup=ONE_MB)
    made.aod_output_dir.rmdir()
    cleaner = Cleaner(made, LOG)
    cleaner.try_sweep()
    cleaner.try_sweep()
    assert len(caplog.messages) == 1
    made.aod_output_dir.mkdir()
    old = seal(made, 25)
    cleaner.try_sweep()
    assert not old.exists()


def test_what_cannot_be_deleted_does_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = config(tmp_path, cleanup=ONE_MB)
    stuck, free = seal(made, 26), seal(made, 25)
    real_delete = retention.delete

    def delete(folder_fd: int, entry: Entry) -> bool:
        if entry.name == stuck.name:
            raise OSError(1, "Operation not permitted")
        return real_delete(folder_fd, entry)

    monkeypatch.setattr(retention, "delete", delete)
    cleaner = Cleaner(made, LOG)
    assert [one.entry.name for one in cleaner.sweep()] == [free.name]
    assert [entry.name for entry in cleaner.left] == [stuck.name]
    assert "Operation not permitted" in caplog.text


def test_the_stage_sweeps_at_the_start_and_on_every_sealed_bundle(tmp_path: Path) -> None:
    made = config(tmp_path, cleanup=ONE_MB)
    first = seal(made, 25)
    process, line = start_with_line("cleanup", cleanup.run, made)
    with peers(made) as around:
        to_cleanup = around.outbox("cleanup")
        health = next_beat(line)
        assert health.counters["deleted"] == 1
        assert not first.exists()
        second = seal(made, 25)
        newest = seal(made, 1)
        to_cleanup.send(ring(newest))
        while health.counters["deleted"] < 2:
            health = next_beat(line)
        assert (health.counters["bundles"], health.counters["bytes"]) == (1, 1000)
        assert not second.exists()
    assert stop(process) == 0
    line.close()


def test_what_was_sealed_before_the_stop_is_still_counted(tmp_path: Path) -> None:
    made = config(tmp_path, cleanup=ONE_MB)
    with peers(made) as around:
        context = around.context("cleanup")
        to_cleanup = around.outbox("cleanup")
        older, newest = seal(made, 2, 600_000), seal(made, 1, 600_000)
        to_cleanup.send(ring(newest))
        assert context.inbox.socket.poll(int(PATIENCE_SEC * 1000))
        context.signals.stops = 1
        assert cleanup.run(context) == 0
        context.close()
    assert not older.exists()
    assert newest.exists()


def test_the_limit_holds_after_every_sealed_bundle(tmp_path: Path) -> None:
    made = config(tmp_path, cleanup=ONE_MB)
    cleaner = Cleaner(made, LOG)
    size_bytes, limit = 50_000, 1 << 20
    for number in range(300):
        newest = seal(made, 1 - number / 1000, size_bytes)
        cleaner.sweep()
        assert newest.exists()
        assert sum(path.stat().st_size for path in made.aod_output_dir.iterdir()) <= limit
    assert len(cleaner.left) == limit // size_bytes
    assert cleaner.deleted == 300 - limit // size_bytes
