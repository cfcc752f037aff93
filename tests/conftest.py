"""Fixtures of all tests: a daemon on this machine's ring, and what every test has to leave."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from aod.host import privileges
from aod.kernel import tracer
from tests.rig import configs
from tests.rig.bundles import check_below
from tests.rig.daemon import LocalDaemon
from tests.rig.ring import SHARED_MEMORY, own_pin_dir

# No test is decided by the time that it takes, as the machine may be busy.
settings.register_profile("aod", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aod")


@pytest.fixture(autouse=True)
def tests_keep_their_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is run in this very process would give them up for all tests after it."""
    monkeypatch.setattr(privileges, "drop", lambda _rights, _log: None)


@pytest.fixture(autouse=True)
def bundles_are_whole(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check what the test, and the daemons that it ran, sealed in its folder."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if isinstance(folder, Path):
        check_below(folder)


@pytest.fixture
def pin_dir() -> Iterator[Path]:
    """For the pins of this process; empty before and after."""
    path = own_pin_dir()
    tracer.remove(path)
    yield path
    tracer.remove(path)


@pytest.fixture
def daemon(tmp_path: Path, pin_dir: Path, request: pytest.FixtureRequest) -> Iterator[LocalDaemon]:
    """A running daemon with the module's CONFIG, or where it has none, with the sample."""
    config = getattr(request.module, "CONFIG", configs.LATENCY)
    with LocalDaemon(tmp_path, pin_dir, config) as running:
        yield running


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder in memory, so that no disk is waited for, that any user can get to: pytest's are
    root's alone."""
    made = Path(tempfile.mkdtemp(dir=SHARED_MEMORY, prefix="aod-test-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)
