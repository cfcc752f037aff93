"""Who watches a folder where nothing happens, waits by design."""

from pathlib import Path
from typing import Any

import pytest

from tests.vm.evidence import DAEMONS, assert_quiet

SCENARIO = "notify"


@pytest.mark.parametrize("daemon", DAEMONS)
def test_nothing_is_declared(facts: dict[str, Any], artefacts: Path, daemon: str) -> None:
    assert_quiet(facts, artefacts, daemon)


def test_only_the_ioctl_makes_the_client_ask_the_server(facts: dict[str, Any]) -> None:
    assert (facts["inotify"], facts["dnotify"], facts["ioctl"]) == (0, 0, 1)
    assert facts["told_by_inotify"] > 0, "it reports what this client does"


@pytest.mark.parametrize("daemon", DAEMONS)
def test_the_watch_waited_all_the_time(facts: dict[str, Any], daemon: str) -> None:
    assert facts["waited"]
    assert facts["finished"][daemon]["SMB2_CHANGE_NOTIFY"] == 1
