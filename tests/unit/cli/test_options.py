"""What several commands say and take."""

import logging

import pytest
from msgspec.structs import replace

from aod.cli.options import warn_of_faults
from aod.config.schema import Capture
from aod.kernel import release
from aod.kernel.client_files import ProcCifs
from tests.unit.samples import CONFIG


@pytest.mark.parametrize(
    ("name", "policy", "warnings"),
    [
        ("6.1.63", ProcCifs.AUTO, 1),
        ("6.1.63", ProcCifs.ALWAYS, 1),
        ("6.1.63", ProcCifs.NEVER, 0),
        ("6.1.192", ProcCifs.AUTO, 0),
    ],
)
def test_a_kernel_that_reading_may_crash_is_warned_of_once(
    name: str,
    policy: ProcCifs,
    warnings: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(release, "running", lambda: release.parse(name, "#1 SMP"))
    warn_of_faults(replace(CONFIG, capture=Capture(proc_cifs=policy)))
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * warnings
