"""An unprivileged user can read, write, connect to or guess nothing of the daemon's."""

from pathlib import Path
from typing import Any

import pytest

from aod.transport.wire import STAGES

SCENARIO = "stranger"


@pytest.fixture(scope="module")
def found(facts: dict[str, Any]) -> dict[str, Any]:
    return dict(facts["found"])


def test_the_stranger_is_nobody(found: dict[str, Any]) -> None:
    assert found["uid"] == 54321


def test_the_walk_sees_what_the_daemon_makes(found: dict[str, Any]) -> None:
    paths = set(found["paths"])
    assert {"/run/aod", "/run/aod/events.log", "/var/lib/aod/spool"} <= paths
    assert any(path.startswith("/sys/fs/bpf/") and "/maps/" in path for path in paths)
    assert any("tracing/instances/aod" in path for path in paths)
    assert any(path.endswith(".tar.zst") for path in paths)
    assert {f"/run/aod/{stage}/sock" for stage in STAGES} <= paths
    assert len(found["pids"]) >= 5
    assert any(what.startswith("socket:") for what in found["held"])


def test_nothing_is_open_to_the_stranger(found: dict[str, Any]) -> None:
    assert found["open"] == []


def test_no_shared_memory_and_no_socket_of_the_network(found: dict[str, Any]) -> None:
    assert [row for row in found["rows"] if not row.startswith("net/packet")] == []
    assert found["abstract"] == []


def test_names_of_processes_tell_nothing(found: dict[str, Any]) -> None:
    assert found["shown"]
    for text in found["shown"].values():
        assert "pass" not in text.lower()
        assert "secret" not in text.lower()


@pytest.mark.parametrize(
    "mistake",
    [
        "read /run/planted/readable",
        "write /run/planted/writable",
        "execute /run/planted/program",
        "list /run/planted",
        "create in /run/planted/open-folder",
        "connect /run/planted/socket",
        "connect @planted",
    ],
)
def test_a_mistake_would_be_found(facts: dict[str, Any], mistake: str) -> None:
    assert mistake in facts["control"]["open"]


@pytest.mark.parametrize("how", ["signal", "trace", "write mem of", "list fd of", "limit"])
def test_a_process_that_is_open_would_be_found(facts: dict[str, Any], how: str) -> None:
    victim = facts["control"]["pids"][-1]
    assert f"{how} {victim}" in facts["control"]["open"]


def test_only_what_was_planted_is_new_there(facts: dict[str, Any]) -> None:
    victim = str(facts["control"]["pids"][-1])
    assert facts["control"]["open"]
    for opening in facts["control"]["open"]:
        what = opening.rpartition(" ")[2]
        assert "planted" in what or what == victim or Path(what).is_relative_to(f"/proc/{victim}")


def test_daemon_stopped_cleanly(facts: dict[str, Any]) -> None:
    assert facts["exit_status"] == 0
