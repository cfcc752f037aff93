"""What capture tells of a bundle is said once, however often there is a reason to say it."""

import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.audit import log
from aod.audit.entries import CaptureBegun, CaptureWaits, Declared, Lost
from aod.audit.log import read
from aod.capture.audit import MAX_QUEUED, CaptureAudit
from aod.capture.backlog import Backlog
from aod.config.schema import Config
from aod.state import spool
from aod.state.ledger import Ledger
from aod.state.names import AUDIT_FILE
from tests.rig.configs import config
from tests.unit.samples import anomaly

LOG = logging.getLogger("test")


@pytest.fixture
def made(tmp_path: Path) -> Config:
    return config(tmp_path)


@pytest.fixture
def capture_audit(made: Config) -> Iterator[CaptureAudit]:
    spool_dir = made.state_dir / spool.FOLDER
    backlog = Backlog(spool_dir, LOG, Ledger(made.runtime_dir, spool_dir, LOG))
    one = CaptureAudit(made, LOG, backlog)
    yield one
    one.close()


def test_one_that_waits_is_told_of_again_only_after_it_was_begun(
    capture_audit: CaptureAudit, made: Config
) -> None:
    for free_mb in (3.2, 3.1):
        capture_audit.waits(4, f"{free_mb} MB are free")
    capture_audit.begun(anomaly(timestamp=4))
    capture_audit.waits(4, "no space is left")
    capture_audit.close()
    told = read(made)
    assert [type(one) for one in told] == [CaptureWaits, Declared, CaptureBegun, CaptureWaits]


def test_records_that_nobody_writes_are_counted_and_not_kept(
    capture_audit: CaptureAudit, made: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with an output folder that hangs."""
    monkeypatch.setattr(log, "LOCK_WAIT_SEC", 60.0)
    fd = os.open(made.aod_output_dir / AUDIT_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    for timestamp in range(1, MAX_QUEUED + 12):
        capture_audit.waits(timestamp, "no space is left")
    os.close(fd)
    capture_audit.close()
    told = list(read(made))
    lost = sum(one.count for one in told if isinstance(one, Lost))
    assert 10 <= lost <= 11  # the first is written, or waits to be
    assert len([one for one in told if isinstance(one, CaptureWaits)]) == MAX_QUEUED + 11 - lost
