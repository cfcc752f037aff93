"""Of all tests: whatever bundles a test leaves, they are as bundles have to be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.host import privileges
from tests.rig.bundles import check_below


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
