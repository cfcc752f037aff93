"""A walk over two thousand files is nothing to report."""

from pathlib import Path
from typing import Any

import pytest

from tests.vm.evidence import DAEMONS, assert_quiet
from tests.vm.scenarios import find

SCENARIO = "find"


@pytest.mark.parametrize("daemon", DAEMONS)
def test_nothing_is_declared(facts: dict[str, Any], artefacts: Path, daemon: str) -> None:
    assert_quiet(facts, artefacts, daemon)


@pytest.mark.parametrize("daemon", DAEMONS)
def test_every_file_was_found_by_listing_folders(facts: dict[str, Any], daemon: str) -> None:
    assert facts["sizes"] == [{"7": find.FILES}, {"7": find.FILES}]
    assert facts["sent"]["SMB2_QUERY_DIRECTORY"] > 2 * find.FOLDERS
    assert facts["finished"][daemon]["SMB2_QUERY_DIRECTORY"] > 2 * find.FOLDERS
