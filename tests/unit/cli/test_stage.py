"""aod-stage alone: what each option prints, and how it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from aod.cli.stage import main
from aod.event import EVENT_DTYPE
from tests.unit.recordings import OFFSET_NS, batch, write
from tests.unit.records import Record, events

SECOND = 10**9


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "aod.yaml"
    path.write_text(
        f"aod_output_dir: {tmp_path}/out\n"
        f"runtime_dir: {tmp_path}/run\nstate_dir: {tmp_path}/state\n"
        "guardian: {anomalies: {slow: {type: Latency, acceptable_count: 2, actions: [mounts]}}}\n"
        "cleanup: {max_total_log_size_mb: 0.001}\n"
    )
    return path


def test_detect_prints_each_anomaly_of_a_file_as_a_line_of_json(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Command 0 is not watched by default; these are CREATEs, out of order.
    stream = events(*(Record(SECOND + n, 50_000_000) for n in (3, 1, 2)))
    stream["command"] = 5
    np.save(tmp_path / "events.npy", stream)
    arguments = ["detect", "-c", str(config), "--events", str(tmp_path / "events.npy")]
    assert main(arguments) == 0
    (line,) = capsys.readouterr().out.splitlines()
    anomaly = json.loads(line)
    assert (anomaly["name"], anomaly["rule"], anomaly["count"]) == ("slow", "count", 3)
    assert anomaly["trigger_ns"] == SECOND + 3


@pytest.mark.parametrize("content", [b"", b"no numpy file", b"\x93NUMPY"])
def test_detect_refuses_what_is_no_file_of_records(
    tmp_path: Path, config: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.npy"
    path.write_bytes(content)
    assert main(["detect", "-c", str(config), "--events", str(path)]) == 2
    assert f"{path}: no " in capsys.readouterr().err


def test_detect_refuses_another_dtype(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "other.npy", np.zeros(3))
    assert main(["detect", "-c", str(config), "--events", str(tmp_path / "other.npy")]) == 2
    assert "other.npy: float64 (3,), not records" in capsys.readouterr().err


def test_detect_takes_an_empty_stream(tmp_path: Path, config: Path) -> None:
    np.save(tmp_path / "events.npy", np.zeros(0, EVENT_DTYPE))
    assert main(["detect", "-c", str(config), "--events", str(tmp_path / "events.npy")]) == 0


def test_capture_now_makes_a_bundle_and_prints_its_path(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capture", "-c", str(config), "--now", "slow"]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()


def test_capture_now_names_the_anomalies_that_there_are(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capture", "-c", str(config), "--now", "fast"]) == 2
    assert "no anomaly 'fast' in the configuration; there are: slow" in capsys.readouterr().err


def test_cleanup_dry_run_says_what_would_go_and_deletes_nothing(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    now = 10**18
    bundles = [output / f"aod_{now + number}.tar.zst" for number in range(2)]
    for bundle in bundles:
        bundle.write_bytes(bytes(2000))
    assert main(["cleanup", "-c", str(config), "--once", "--dry-run"]) == 0
    assert f"would delete {bundles[0].name}" in capsys.readouterr().out
    assert all(bundle.exists() for bundle in bundles)


def test_dry_run_alone_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cleanup", "-c", str(config), "--dry-run"]) == 2
    assert "--dry-run goes with --once" in capsys.readouterr().err


def slow_recording(tmp_path: Path, count: int = 3) -> Path:
    """Slow CREATEs on a tree with a name, recorded with a configuration that allows two."""
    slow = batch(0, count)
    slow["latency_ns"], slow["command"] = 50_000_000, 5
    slow["session_id"], slow["tree_id"] = 1, 5
    return write(tmp_path / "recorded", slow)


def test_detect_takes_configuration_clock_and_names_from_a_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", "--events", str(slow_recording(tmp_path))]) == 0
    said = capsys.readouterr()
    anomaly = json.loads(said.out)
    assert anomaly["timestamp"] == OFFSET_NS + anomaly["trigger_ns"] == OFFSET_NS + SECOND + 2000
    assert (anomaly["name"], anomaly["count"]) == ("slow", 3)
    assert anomaly["worst"][0]["share"] == r"\\server\share"
    assert "evidence" not in anomaly or anomaly["evidence"] == ""
    assert said.err == "3 records, 1 anomalies, 0 suppressed triggers\n"


def test_detect_evaluates_a_recording_with_another_configuration(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("guardian: {anomalies: {other: {type: Latency, default_threshold_ms: 60}}}")
    path = slow_recording(tmp_path, 20)
    assert main(["detect", "-c", str(config), "--events", str(path)]) == 0
    assert capsys.readouterr() == ("", "20 records, 0 anomalies, 0 suppressed triggers\n")


def test_detect_says_of_what_it_read_before_the_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = slow_recording(tmp_path, 20)
    with path.open("ab") as file:
        file.write(b"JUNK" * 4)
    assert main(["detect", "--events", str(path)]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["name"] == "slow"
    summary, error = said.err.splitlines()
    assert summary == "20 records, 1 anomalies, 15 suppressed triggers"
    assert error.startswith(f"{path}: damaged at byte ")
