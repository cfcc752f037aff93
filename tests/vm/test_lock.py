"""Who waits for a lock of another client, waits by design; who is refused one may try again."""

from pathlib import Path
from typing import Any

import pytest

from tests.vm.evidence import DAEMONS, assert_quiet
from tests.vm.scenarios import lock

SCENARIO = "lock"


@pytest.mark.parametrize("daemon", DAEMONS)
def test_nothing_is_declared(facts: dict[str, Any], artefacts: Path, daemon: str) -> None:
    assert_quiet(facts, artefacts, daemon)


def test_the_lock_was_waited_for(facts: dict[str, Any]) -> None:
    assert facts["waited_s"] >= lock.HELD_S


@pytest.mark.parametrize("daemon", DAEMONS)
def test_every_refusal_was_seen(facts: dict[str, Any], daemon: str) -> None:
    assert facts["refused"] == {"EACCES": lock.TRIES}
    # Beside those refused: one that waited, and the other client's.
    assert facts["finished"][daemon]["SMB2_LOCK"] >= lock.TRIES + 2
