"""A reader of /proc/fs/cifs hangs in the kernel: it stays the only one, and everybody is told."""

from pathlib import Path
from typing import Any

import pytest

from tests.rig.bundles import Bundle
from tests.vm.evidence import bundles
from tests.vm.scenarios import stuck_client

SCENARIO = "stuck_client"
OF_THE_CLIENT = "/proc/fs/cifs/"
NOTE = "not read: an earlier reader of /proc/fs/cifs (pid "


def _read(bundle: Bundle) -> list[dict[str, Any]]:
    """The sources that read a file of the client's."""
    sources = bundle.manifest["sources"]
    return [one for one in sources if any(OF_THE_CLIENT in word for word in one["command"])]


@pytest.fixture(scope="module")
def made(facts: dict[str, Any], artefacts: Path) -> tuple[list[Bundle], Bundle]:
    """The bundles beside the reader that hangs, and the one after it."""
    found = {f"{one.folder}.tar.zst": one for one in bundles(artefacts)}
    stuck = [found[name] for name in facts["stuck"]["made"]]
    (works,) = (found[name] for name in facts["works"]["made"])
    return stuck, works


def test_there_is_one_reader_whatever_is_restarted_and_captured(facts: dict[str, Any]) -> None:
    assert facts["stuck"]["readers"] == 1


def test_each_bundle_says_of_each_file_why_it_is_not_there(
    made: tuple[list[Bundle], Bundle],
) -> None:
    stuck, _ = made
    assert len(stuck) == stuck_client.BUNDLES
    for bundle in stuck:
        sources = _read(bundle)
        assert {one["name"] for one in sources} == {"debugdata", "stats", "cifs"}
        for one in sources:
            assert one["status"] == "abandoned"
            assert one["note"].startswith(NOTE)
            assert one["note"].endswith("still hangs in the kernel")
        summary = " ".join(bundle.files["SUMMARY.txt"].decode().split())
        assert f"debugdata, stats, cifs abandoned: {NOTE}" in summary


def test_other_evidence_is_there(made: tuple[list[Bundle], Bundle]) -> None:
    stuck, _ = made
    for bundle in stuck:
        assert bundle.files["mounts.log"]
        assert b"/sys/module/cifs/parameters" in bundle.files["cifs.log"]


def test_status_tells_who_hangs(facts: dict[str, Any]) -> None:
    status = facts["stuck"]["status"]
    assert status["exit_code"] == 1
    assert "unhealthy: a reader of /proc/fs/cifs (pid " in status["text"]
    assert "files of /proc/fs/cifs, " in status["text"]


def test_when_it_is_gone_everything_is_read_again(
    facts: dict[str, Any], made: tuple[list[Bundle], Bundle]
) -> None:
    _, works = made
    found = {one["command"][-1]: one["status"] for one in _read(works)}
    assert found["/proc/fs/cifs/DebugData"] == found["/proc/fs/cifs/Stats"] == "ok"
    assert facts["works"]["status"]["exit_code"] == 0
    assert facts["exit_status"] == 0


def test_collect_says_so_once_for_each_of_its_lives(artefacts: Path) -> None:
    log = (artefacts / "daemon.log").read_text()
    assert 0 < log.count(NOTE) <= 2 * (stuck_client.RESTARTS + 1)
