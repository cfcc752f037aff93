"""Each state of the output folder is said once, and a full disk is tried again when it has room."""

import asyncio
import errno
import logging
import os
from pathlib import Path

import pytest

from aod.capture import output_folder
from aod.capture.output_folder import OutputState
from aod.config.schema import Capture
from tests.rig.configs import config

LOG = logging.getLogger("test")
FULL = OSError(errno.ENOSPC, "No space left on device")


class Disk:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free_bytes = 1000
        self.error: OSError | None = None
        monkeypatch.setattr(output_folder, "look", self.look)

    def look(self, _folder: Path) -> os.statvfs_result:
        if self.error:
            raise self.error
        return os.statvfs_result((1, 1, 10_000, *[self.free_bytes] * 2, 9, 1, 1, 0, 255))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def state(tmp_path: Path) -> OutputState:
    return OutputState(config(tmp_path, capture=Capture(min_free_mb=0)), LOG)


def look(state: OutputState) -> str:
    asyncio.run(state.look())
    return state.why_not


def blames(state: OutputState, error: Exception) -> bool:
    return asyncio.run(state.blames(error))


def test_a_state_is_said_once(
    state: OutputState, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.error = FileNotFoundError(errno.ENOENT, "gone")
    assert [look(state) for _ in range(3)] == ["gone"] * 3
    disk.error = None
    assert [look(state) for _ in range(2)] == ["", ""]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_a_full_disk_waits_for_space(state: OutputState, disk: Disk) -> None:
    assert blames(state, FULL)
    assert [look(state), look(state)] == ["no space is left"] * 2
    disk.free_bytes += 1
    assert look(state) == ""


def test_a_quota_is_tried_again_in_time(
    state: OutputState, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_folder, "RETRY_SEC", 0.0)
    assert blames(state, OSError(errno.EDQUOT, "quota"))
    assert look(state) == ""


def test_below_the_floor_what_runs_is_ended(state: OutputState, disk: Disk) -> None:
    disk.free_bytes = 50  # 1 % of the disk are 100
    assert look(state)
    assert state.is_short
    disk.error = FileNotFoundError(errno.ENOENT, "gone")
    look(state)
    assert not state.is_short


def test_a_fault_of_ours_is_not_the_disks(state: OutputState, disk: Disk) -> None:
    assert not blames(state, ZeroDivisionError())
    assert not blames(state, OSError(errno.EMFILE, "too many open files"))
    assert blames(state, OSError(errno.EROFS, "read-only"))
