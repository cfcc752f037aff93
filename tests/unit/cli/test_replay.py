"""aod replay for people and for programs: when, what, why, and the totals."""

import json
from pathlib import Path

import numpy as np
import pytest

from aod.cli.aod import main
from aod.event import Events
from tests.unit.recordings import OFFSET_NS, SECOND, batch, write

CONFIG = """
guardian:
  anomalies:
    slow:
      {type: Latency, acceptable_count: 2, cooldown_sec: 1, emergency_threshold_ms: 1000}
    failed: {type: Error, acceptable_count: 1}
"""


def stream() -> Events:
    """Three slow CREATEs, one of 2 s, two failed ones, three slow ones again."""
    made = batch(0, 9)
    made["end_ns"] = SECOND * np.array([2, 2, 2, 3, 4, 4, 11, 11, 11]) + np.arange(9)
    made["latency_ns"] = np.array([50, 60, 50, 2000, 1, 1, 50, 50, 50]) * 1_000_000
    made["error"][4:6], made["status"][4:6] = -13, 0xC0000022
    made["command"], made["session_id"], made["tree_id"], made["pid"] = 5, 1, 5, 42
    return made


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(Path("rec"), stream(), config=CONFIG)
    return Path("rec")


TEXT = r"""rec: 2023-11-14 22:13:21.000 UTC to 22:13:23.000 UTC, 2.0 s
9 records, 3 DROPPED; aodv2 0.1.0 on client, 6.1.0
operations are missing, so counts may be too low
evaluated with rec:/etc/aod/aod.yaml

2023-11-14 22:13:22.000 UTC  +1.000 s  Latency 'slow', by count
    3 slow operations in 1 s, limit 2: SMB2_CREATE; on \\server\share; by cp[42]; worst:
    SMB2_CREATE of cp[42] took 60.0 ms, more than 20 ms

2023-11-14 22:13:23.000 UTC  +2.000 s  Latency 'slow', at once
    SMB2_CREATE of cp[42] took 2,000.0 ms, emergency threshold 1,000 ms; on \\server\share

2023-11-14 22:13:24.000 UTC  +3.000 s  Error 'failed', by count
    2 failed operations in 1 s, limit 1: SMB2_CREATE; on \\server\share; by cp[42]; worst:
    SMB2_CREATE of cp[42] took 1.0 ms and ended with STATUS_ACCESS_DENIED
    same incident: Latency 'slow' at +2.000 s

2023-11-14 22:13:31.000 UTC  +10.000 s  Latency 'slow', by count
    3 slow operations in 1 s, limit 2: SMB2_CREATE; on \\server\share; by cp[42]; worst:
    SMB2_CREATE of cp[42] took 50.0 ms, more than 20 ms
    same incident: Error 'failed' at +3.000 s

anomaly  type     declared  by count  at once  suppressed  hanging
slow     Latency         3         2        1           0        0
failed   Error           1         1        0           0        0
"""


def test_replay_says_when_what_and_why(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(recorded)]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == (TEXT, "")


def test_replay_for_programs_is_a_line_for_each_anomaly_and_the_summary(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(recorded), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["type"] for line in lines] == ["anomaly"] * 4 + ["summary"]
    assert [line["timestamp"] - OFFSET_NS for line in lines[:-1]] == [
        line["trigger_ns"] + (line["name"] == "failed") for line in lines[:-1]
    ]
    assert lines[-1]["totals"][0] == {
        "name": "slow", "anomaly": "Latency", "declared": 3, "by_count": 2, "at_once": 1,
        "suppressed": 0, "hanging": 0,
    }  # fmt: skip
    assert (lines[-1]["records"], lines[-1]["anomalies"], lines[-1]["suppressed"]) == (9, 4, 0)


def test_replay_with_another_configuration(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("guardian: {anomalies: {all: {type: Latency, acceptable_count: 0}}}")
    assert main(["replay", "rec", "-c", str(other)]) == 0
    said = capsys.readouterr().out
    assert f"evaluated with {other}" in said
    assert "2 triggers suppressed before" in said
    assert said.endswith(
        "anomaly  type     declared  by count  at once  suppressed  hanging\n"
        "all      Latency         2         1        1           5        0\n"
    )


def test_replay_of_bare_records_knows_no_time_of_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "events.npy", stream())
    (tmp_path / "c.yaml").write_text(CONFIG)
    arguments = ["replay", str(tmp_path / "events.npy"), "-c", str(tmp_path / "c.yaml")]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "events.npy: no recording metadata" in said
    assert "\n+0.000 s  Latency 'slow', by count\n" in said
    assert "on tree 0x5 of session 0x1" in said


def test_replay_of_a_recording_that_was_not_ended_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "r", stream(), ended=False)
    assert main(["replay", str(tmp_path / "r")]) == 0
    assert "no end: the recorder was killed or is still recording" in capsys.readouterr().out


def test_recorded_configuration_that_is_not_understood_is_told_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "r", config="guardian: {anomalies: {x: {type: Fancy}}}")
    assert main(["replay", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{tmp_path}/r:/etc/aod/aod.yaml:1: ")
    assert error.endswith("(-c evaluates with another configuration)\n")


def test_totals_of_what_precedes_damage_are_told(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with recorded.open("ab") as file:
        file.write(b"JUNK" * 4)
    assert main(["replay", str(recorded)]) == 2
    said = capsys.readouterr()
    assert said.out == TEXT
    assert "rec: damaged at byte" in said.err
