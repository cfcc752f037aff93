"""How it stands with the anomalies: written by detect, read by anybody, believed by nobody."""

from pathlib import Path

import msgspec
import pytest

from aod.detectors.describe import operations
from aod.detectors.detector import Episode
from aod.smb.peers import Names
from aod.status import anomalies as episodes
from aod.status.anomalies import Report
from tests.unit.records import Record, events

SECOND = 10**9
EPISODE = Episode(
    anomaly="Latency",
    name="slow",
    declared=2,
    last_timestamp=1_700_000_000_000_000_001,
    quiet_until_ns=100 * SECOND,
    suppressed=7,
    suppressed_before=5,
    hanging=1,
)
REPORT = Report((EPISODE,), operations(events(Record(5, 3 * SECOND)), Names()))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    """Detect's."""
    made = (tmp_path / episodes.FILE.name).parent
    made.mkdir()
    return made


def test_a_report_comes_back_as_it_was(tmp_path: Path, folder: Path) -> None:
    episodes.FILE.write(tmp_path, REPORT)
    episodes.FILE.write(tmp_path, REPORT)
    assert episodes.FILE.read(tmp_path) == REPORT
    assert [path.name for path in folder.iterdir()] == ["detect.json"]
    assert (folder / "detect.json").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"episodes": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_report_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / episodes.FILE.name).write_bytes(content)
    assert episodes.FILE.read(tmp_path) == Report()


def test_without_a_file_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert episodes.render(episodes.FILE.read(tmp_path), 0) == []


def test_an_episode_in_words() -> None:
    assert episodes.render(REPORT, 60 * SECOND) == [
        "slow         Latency: 2 declared; last aod_1700000000000000001; cool-down for 40 s more; "
        "12 suppressed, 7 of them since the last; 1 hanging",
        "",
        "hung, and ended",
        "  SMB2_WRITE of cp[4321] took 3,000.0 ms",
    ]


def test_a_rule_that_failed_says_so() -> None:
    failed = msgspec.structs.replace(EPISODE, fault="KeyError: 'x'")
    assert episodes.render(Report((failed,)), 0) == [
        "slow         Latency: WATCHES NO MORE: KeyError: 'x'"
    ]


def test_after_the_cool_down_it_is_not_mentioned() -> None:
    assert "cool-down" not in episodes.render(REPORT, 100 * SECOND)[0]


@pytest.mark.parametrize(
    "changes", [{"name": "slow\n"}, {"fault": "\x1b[2J"}, {"declared": -1}, {"hanging": 1 << 63}]
)
def test_a_report_that_plays_tricks_on_a_terminal_is_none(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    episode, path = msgspec.to_builtins(EPISODE), tmp_path / episodes.FILE.name
    for fields, believed in ((episode, True), (episode | changes, False)):
        path.write_bytes(msgspec.json.encode({"episodes": [fields]}))
        assert bool(episodes.FILE.read(tmp_path).episodes) == believed
