"""What tests of a daemon must not leave behind in their process."""

from collections.abc import Iterator

import pytest

from aod.log import ROOT


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """Commands set the log up; its stream is that of a test's capture."""
    handlers, level, propagate = ROOT.handlers[:], ROOT.level, ROOT.propagate
    yield
    ROOT.handlers[:], ROOT.propagate = handlers, propagate
    ROOT.setLevel(level)
