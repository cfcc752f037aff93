"""A share that is mounted and unmounted again and again is nothing to report."""

from pathlib import Path
from typing import Any

import pytest

from scripts.vm.guest.quiet import DEFAULT
from tests.vm.evidence import DAEMONS, assert_quiet
from tests.vm.scenarios import remount

SCENARIO = "remount"


def test_nothing_is_declared(facts: dict[str, Any], artefacts: Path) -> None:
    # The strict daemon declares: a server without DFS answers the question for it, which is part of
    # each mount, with STATUS_NOT_FOUND, and that counts.
    assert_quiet(facts, artefacts, DEFAULT)


def test_every_mount_was_used(facts: dict[str, Any]) -> None:
    assert facts["rounds"] == [remount.ROUNDS] * remount.MOUNTS
    assert facts["errors"] == 0


@pytest.mark.parametrize("daemon", DAEMONS)
def test_every_mount_had_a_session_of_its_own(facts: dict[str, Any], daemon: str) -> None:
    assert len(set(facts["sessions"])) == remount.MOUNTS
    for command in ("SMB2_NEGOTIATE", "SMB2_LOGOFF"):
        assert facts["finished"][daemon][command] >= remount.MOUNTS
