"""Ten thousand files that do not exist are no failures."""

from pathlib import Path
from typing import Any

import pytest

from tests.vm.evidence import DAEMONS, assert_quiet
from tests.vm.scenarios import missing

SCENARIO = "missing"


@pytest.mark.parametrize("daemon", DAEMONS)
def test_nothing_is_declared(facts: dict[str, Any], artefacts: Path, daemon: str) -> None:
    assert_quiet(facts, artefacts, daemon)


@pytest.mark.parametrize("daemon", DAEMONS)
def test_every_lookup_was_seen_to_fail(facts: dict[str, Any], daemon: str) -> None:
    assert facts["found"] == 0
    assert facts["sent"]["SMB2_CREATE"] == missing.LOOKUPS
    assert facts["finished"][daemon]["SMB2_CREATE"] >= missing.LOOKUPS
