"""How it stands with the anomalies: written by detect, read by anybody, believed by nobody."""

from pathlib import Path

import msgspec
import pytest

from aod.detectors.describe import operations
from aod.detectors.detector import Episode
from aod.smb.peers import Names
from aod.status import anomalies
from aod.status.anomalies import AnomalyReport
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
REPORT = AnomalyReport((EPISODE,), operations(events(Record(5, 3 * SECOND)), Names()))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    """Detect's."""
    made = (tmp_path / anomalies.FILE.name).parent
    made.mkdir()
    return made


def test_a_report_comes_back_as_it_was(tmp_path: Path, folder: Path) -> None:
    anomalies.FILE.write(tmp_path, REPORT)
    anomalies.FILE.write(tmp_path, REPORT)
    assert anomalies.FILE.read(tmp_path) == REPORT
    assert [path.name for path in folder.iterdir()] == ["detect.json"]
    assert (folder / "detect.json").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"episodes": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_report_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / anomalies.FILE.name).write_bytes(content)
    assert anomalies.FILE.read(tmp_path) == AnomalyReport()


def test_without_a_file_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert anomalies.render(anomalies.FILE.read(tmp_path), 0) == []


def test_an_episode_in_words() -> None:
    assert anomalies.render(REPORT, 60 * SECOND) == [
        "slow         Latency: 2 declared; last aod_1700000000000000001; cool-down for 40 s more; "
        "12 suppressed, 7 of them since the last; 1 hanging",
        "",
        "hung operations that finished",
        "  SMB2_WRITE of cp[4321] took 3,000.0 ms",
    ]


def test_a_rule_that_failed_says_so() -> None:
    failed = msgspec.structs.replace(EPISODE, fault="KeyError: 'x'")
    assert anomalies.render(AnomalyReport((failed,)), 0) == [
        "slow         Latency: OFF, its rule failed: KeyError: 'x'"
    ]


def test_after_the_cool_down_it_is_not_mentioned() -> None:
    assert "cool-down" not in anomalies.render(REPORT, 100 * SECOND)[0]


@pytest.mark.parametrize(
    "changes", [{"name": "slow\n"}, {"fault": "\x1b[2J"}, {"declared": -1}, {"hanging": 1 << 63}]
)
def test_a_report_that_plays_tricks_on_a_terminal_is_none(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    episode, path = msgspec.to_builtins(EPISODE), tmp_path / anomalies.FILE.name
    for fields, believed in ((episode, True), (episode | changes, False)):
        path.write_bytes(msgspec.json.encode({"episodes": [fields]}))
        assert bool(anomalies.FILE.read(tmp_path).episodes) == believed
