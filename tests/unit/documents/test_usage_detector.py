"""The detector that USAGE.md shows: its very text is installed, and fires."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aod.event import IN_FLIGHT, Events
from aod.smb.commands import Command
from tests.unit.documents import usage_text
from tests.unit.records import Record, events

BIN = Path(sys.executable).parent
SECTION = usage_text.subsections(usage_text.section("Extend"))["A detector of your own"]
FILES = usage_text.files(SECTION)
SECOND = 10**9
STEP_NS = 1_000_000


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the package alone."""
    source, target = tmp_path_factory.mktemp("aod-flood"), tmp_path_factory.mktemp("target")
    for name in ("pyproject.toml", "aod_flood.py"):
        (source / name).write_text(FILES[name])
    offline = ("--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", "--quiet", *offline]
    subprocess.run([*command, "--target", target, source], check=True)
    return target


def run(
    program: str, *arguments: str | Path, package: Path, cwd: Path
) -> subprocess.CompletedProcess[str]:
    """A program of ours that finds the package, to its end."""
    return subprocess.run(
        [BIN / program, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(package)},
        timeout=60,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "aod.yaml").write_text(FILES["aod.yaml"])
    return tmp_path


def operations(count: int, **changes: Any) -> Events:
    """CREATEs of updatedb that took no time at all, a millisecond apart."""
    made = events(*(Record(SECOND + n * STEP_NS, mid=n) for n in range(count)))
    made["comm"], made["command"] = b"updatedb", Command.SMB2_CREATE
    for name, value in changes.items():
        made[name] = value
    return made


def detected(folder: Path, package: Path, records: Events) -> list[dict[str, Any]]:
    np.save(folder / "events.npy", records)
    arguments = ("detect", "-c", "aod.yaml", "--events", "events.npy")
    result = run("aod-stage", *arguments, package=package, cwd=folder)
    assert result.returncode == 0
    assert result.stderr.startswith(f"{len(records):,} records, ")
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_it_fires(installed: Path, folder: Path) -> None:
    records = operations(502)
    records["command"][::2] = Command.SMB2_QUERY_DIRECTORY
    trigger_ns = SECOND + 500 * STEP_NS
    assert detected(folder, installed, records) == [
        {
            "type": "anomaly",
            "anomaly": "Flood",
            "timestamp": trigger_ns,
            "name": "indexer",
            "rule": "count",
            "trigger_ns": trigger_ns,
            "window_ns": SECOND,
            "count": 501,
            "acceptable_count": 500,
            "suppressed": 0,
            "reason": "501 operations of updatedb in 1 s, limit 500: "
            "SMB2_QUERY_DIRECTORY 251, SMB2_CREATE 250; on tree 0x5 of session 0x1; by "
            "updatedb[4321]; worst: SMB2_QUERY_DIRECTORY of updatedb[4321] took 0.0 ms",
            "actions": ["stats"],
            "worst": [operation(number) for number in range(500, 490, -1)],
            "breakdown": {
                "records": 501,
                "commands": [
                    {"what": "SMB2_QUERY_DIRECTORY", "count": 251},
                    {"what": "SMB2_CREATE", "count": 250},
                ],
                "statuses": [{"what": "STATUS_SUCCESS", "count": 501}],
                "sessions": [{"what": "0x1", "count": 501}],
                "trees": [{"what": "tree 0x5 of session 0x1", "count": 501}],
                "tasks": [{"what": "updatedb[4321]", "count": 501}],
            },
            "ended": [],
            "related": [],
            "evidence": "",
        }
    ]


def operation(number: int) -> dict[str, Any]:
    return {
        "command": "SMB2_CREATE" if number % 2 else "SMB2_QUERY_DIRECTORY",
        "latency_ns": 0,
        "end_ns": SECOND + number * STEP_NS,
        "session_id": 1,
        "tree_id": 5,
        "mid": number,
        "pid": 4321,
        "comm": "updatedb",
        "status": "STATUS_SUCCESS",
        "error": "",
        "state": "finished",
        "share": "",
    }


@pytest.mark.parametrize(
    "changes", [{"comm": b"cp"}, {"command": Command.SMB2_READ}, {"flags": IN_FLIGHT}]
)
def test_other_operations_do_not_count(
    installed: Path, folder: Path, changes: dict[str, Any]
) -> None:
    others = operations(502, **changes)
    others["end_ns"] += 1
    records = np.concatenate((operations(500), others))
    assert detected(folder, installed, records) == []


def test_it_is_listed_as_usage_md_shows(installed: Path, folder: Path) -> None:
    result = run("aod", "detectors", package=installed, cwd=folder)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout in usage_text.blocks(SECTION)


def test_check_prints_what_usage_md_shows(installed: Path, folder: Path) -> None:
    result = run("aod-supervisor", "--check", "-c", "aod.yaml", package=installed, cwd=folder)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split("\n\n")[1] + "\n" in usage_text.blocks(SECTION)


def test_a_mistake_has_the_line_and_the_words_of_usage_md(installed: Path, folder: Path) -> None:
    (folder / "aod.yaml").write_text(FILES["aod.yaml"].replace("SMB2_CREATE", "SMB2_CRATE"))
    result = run("aod-supervisor", "--check", "-c", "aod.yaml", package=installed, cwd=folder)
    assert (result.returncode, result.stdout) == (2, "")
    said, _, allowed = result.stderr.partition(" allowed: ")
    assert said + "\n" in usage_text.blocks(SECTION)
    assert allowed.startswith("SMB2_NEGOTIATE, ")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("      program: 5\n", "aod.yaml:5: guardian.anomalies.indexer.program is 5"),
        ("", "aod.yaml:3: guardian.anomalies.indexer has no program (required)"),
        ("      programm: cp\n", "aod.yaml:5: unknown key programm in"),
    ],
)
def test_its_keys_are_checked_like_all_others(
    installed: Path, folder: Path, line: str, words: str
) -> None:
    text = FILES["aod.yaml"].replace("      program: updatedb\n", line)
    (folder / "aod.yaml").write_text(text)
    result = run("aod-supervisor", "--check", "-c", "aod.yaml", package=installed, cwd=folder)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr


def test_a_package_that_cannot_be_imported_is_said_once_and_the_rest_goes_on(
    installed: Path, folder: Path
) -> None:
    """Its metadata alone, as a half removed package leaves it."""
    (metadata,) = installed.glob("*.dist-info")
    (folder / metadata.name).mkdir()
    for file in ("METADATA", "entry_points.txt"):
        (folder / metadata.name / file).write_text((metadata / file).read_text())
    why = "it cannot be imported: ModuleNotFoundError: No module named 'aod_flood'"
    check = ("aod-supervisor", "--check", "-c", "aod.yaml")
    refused = run(*check, package=folder, cwd=folder)
    assert refused.returncode == 2
    wrong = "aod.yaml:4: guardian.anomalies.indexer.type is the text 'Flood'; a package offers it"
    assert refused.stderr.startswith(f"{wrong}, but {why}; allowed: Connection, Error, Latency")
    (folder / "aod.yaml").write_text("guardian: {anomalies: {slow: {type: Latency}}}\n")
    result = run(*check, package=folder, cwd=folder)
    assert result.returncode == 0
    said = f"the anomaly type Flood of aod-flood is left out: {why}"
    assert f"{said}\n" in usage_text.blocks(SECTION)
    assert result.stderr.splitlines()[0].endswith(f" aod: {said}")
    assert len(result.stderr.splitlines()) == 1
    listed = run("aod", "detectors", package=folder, cwd=folder)
    assert (listed.returncode, listed.stdout.splitlines()[-1]) == (1, said)
