"""Audit entries that others write: the supervisor never waits for the output folder."""

import errno
import logging
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from aod.audit.entries import Deleted, Entry, Lost
from aod.audit.forked import MAX_QUEUED, ForkedAudit
from aod.audit.log import AuditLog
from aod.config.schema import Config
from tests.rig import audit_log
from tests.rig.configs import config

LOG = logging.getLogger("aod.test")
PATIENCE_SEC = 60.0


def made(settings: Config) -> ForkedAudit:
    return ForkedAudit(AuditLog(settings, LOG), LOG)


def deletion(number: int) -> Deleted:
    return Deleted(bundle="b", size_bytes=number, reason="r")


def told(settings: Config) -> list[Entry]:
    return audit_log.decoded(settings.aod_output_dir)


def numbers(settings: Config) -> list[int]:
    return [one.size_bytes for one in told(settings) if isinstance(one, Deleted)]


class Hanging(AuditLog):
    """Its records are not written before somebody says so."""

    def __init__(self, settings: Config) -> None:
        super().__init__(settings, LOG)
        self.held, self.go = os.pipe()

    def write(self, record: Entry) -> None:
        os.read(self.held, 1)
        super().write(record)


def test_all_is_written_in_order_and_not_by_us(tmp_path: Path) -> None:
    settings = config(tmp_path)
    children = made(settings)
    for number in range(MAX_QUEUED):
        children.write(deletion(number))
    children.close(PATIENCE_SEC)
    assert numbers(settings) == list(range(MAX_QUEUED))


def test_folder_that_hangs_holds_up_nobody_and_what_is_too_much_is_counted(
    tmp_path: Path,
) -> None:
    settings = config(tmp_path)
    hanging = Hanging(settings)
    children = ForkedAudit(hanging, LOG)
    for number in range(MAX_QUEUED + 4):  # the child has one, and three are too many
        children.write(deletion(number))
    os.write(hanging.go, b"x" * (MAX_QUEUED + 5))
    children.close(PATIENCE_SEC)
    children.write(deletion(100))
    children.close(PATIENCE_SEC)
    assert numbers(settings) == [*range(MAX_QUEUED + 1), 100]
    (lost,) = [one for one in told(settings) if isinstance(one, Lost)]
    assert (lost.lost, lost.count) == ("audit records", 3)


def test_stop_waits_a_bounded_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    children = ForkedAudit(Hanging(config(tmp_path)), LOG)
    children.write(deletion(1))
    children.write(deletion(2))
    children.close(0.05)
    assert "the audit log cannot be written: 2 entries are lost" in caplog.text
    os.waitpid(children._pid, 0)


def test_what_could_not_be_written_is_told_by_the_next_that_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = config(tmp_path)
    elsewhere = replace(settings, aod_output_dir=tmp_path / "not there yet")
    children = made(elsewhere)
    for number in range(3):
        children.write(deletion(number))
        while children._pid:
            children.tick()
    elsewhere.aod_output_dir.mkdir()
    children.write(deletion(4))
    children.close(PATIENCE_SEC)
    lost, *_ = told(elsewhere)
    assert isinstance(lost, Lost)
    assert lost.count == 3
    assert numbers(elsewhere) == [4]
    assert "the audit log can be written again; 3 entries are missing" in caplog.text


def test_child_that_is_killed_is_a_loss(tmp_path: Path) -> None:
    settings = config(tmp_path)
    hanging = Hanging(settings)
    children = ForkedAudit(hanging, LOG)
    children.write(deletion(1))
    os.kill(children._pid, 9)
    while children._pid:
        children.tick()
    os.write(hanging.go, b"x")
    children.write(deletion(2))
    children.close(PATIENCE_SEC)
    lost, _ = told(settings)
    assert isinstance(lost, Lost)
    assert lost.count == 1


def test_host_without_room_for_a_process_gets_its_records_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(tmp_path)
    children = made(settings)
    with monkeypatch.context() as full:
        full.setattr(os, "fork", no_process)
        for number in range(MAX_QUEUED + 3):
            children.write(deletion(number))
    children.write(deletion(MAX_QUEUED))
    children.close(PATIENCE_SEC)
    assert numbers(settings) == list(range(MAX_QUEUED))
    assert [one.count for one in told(settings) if isinstance(one, Lost)] == [4]


def test_nobody_is_killed_for_a_child_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Process 0 would be all of our group."""
    killed: list[int] = []
    monkeypatch.setattr(os, "fork", no_process)
    monkeypatch.setattr(os, "kill", lambda pid, _signal: killed.append(pid))
    children = made(config(tmp_path))
    children.write(deletion(1))
    children.close(0)
    assert killed == []


def no_process() -> int:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
