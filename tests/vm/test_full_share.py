"""A full share fails writes; a configuration that tracks ENOSPC makes an error bundle of it."""

from pathlib import Path
from typing import Any

from tests.vm.evidence import Declared, bundles, declared

SCENARIO = "full_share"


def test_every_write_failed(facts: dict[str, Any]) -> None:
    rounds = facts["full"]["rounds"]
    assert facts["full"] == {"rounds": rounds, "create": rounds, "ENOSPC": rounds}


def test_the_failed_writes_are_declared_and_nothing_else(artefacts: Path) -> None:
    assert declared(artefacts) == [Declared("Error", "error", "count", 11, 10, {"SMB2_WRITE": 11})]


def test_the_server_said_that_the_disk_is_full(artefacts: Path) -> None:
    (bundle,) = bundles(artefacts)
    assert bundle.breakdown("statuses") == {"STATUS_DISK_FULL": 11}


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
