"""What capture tells of a bundle is said once, however often there is a reason to say it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.audit import Audit
from aod.audit_reader import read
from aod.audit_records import CaptureBegun, CaptureWaits, Declared
from aod.capture.account import Account
from aod.config import Config
from tests.unit.samples import anomaly
from tests.unit.stage_rig import config


@pytest.fixture
def made(tmp_path: Path) -> Config:
    return config(tmp_path)


@pytest.fixture
def account(made: Config) -> Iterator[Account]:
    one = Account(Audit(made, logging.getLogger("test")))
    yield one
    one.close()


def test_one_that_waits_is_told_of_again_only_after_it_was_begun(
    account: Account, made: Config
) -> None:
    for free_mb in (3.2, 3.1):
        account.waits(4, f"{free_mb} MB are free")
    account.begun(anomaly(timestamp=4))
    account.waits(4, "no space is left")
    account.close()
    told = read(made)
    assert [type(one) for one in told] == [CaptureWaits, Declared, CaptureBegun, CaptureWaits]
