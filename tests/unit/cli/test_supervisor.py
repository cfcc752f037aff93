"""The command aod-supervisor: what it says, and its exit codes."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from aod.cli.options import default_file
from aod.kernel.client import missing
from aod.kernel.objects import OBJECT_VARIABLE
from scripts.vm.tools import REPO

ROOT = REPO
PRODUCER = ROOT / "build" / "producer.bpf.o"
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="loading eBPF programs needs root")
Result = subprocess.CompletedProcess[str]

ENTRY = "import sys; from aod.cli.entry import supervisor; sys.exit(supervisor())"


def supervisor(
    *arguments: str | Path,
    python: tuple[str, ...] = (),
    variables: dict[str, str] | None = None,
) -> Result:
    """Run it to its end, away from the source tree's folder."""
    environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    environment |= {"PYTHONPATH": str(ROOT)} | (variables or {})
    command = [sys.executable, *python, "-c", ENTRY, *map(str, arguments)]
    return subprocess.run(
        command, check=False, env=environment, capture_output=True, text=True, cwd="/", timeout=60
    )


def configured(folder: Path, text: str = "") -> Path:
    """A valid file whose folders are below `folder`, with more lines behind."""
    path = folder / "aod.yaml"
    path.write_text(
        "guardian: {anomalies: {slow: {type: Latency}}}\n"
        f"aod_output_dir: {folder}/output\nstate_dir: {folder}/state\n"
        f"runtime_dir: {folder}/run\npin_dir: /sys/fs/bpf/aod-cli-test-{os.getpid()}\n{text}"
    )
    return path


@pytest.mark.parametrize("python", [(), ("-O",)])
def test_check_says_what_will_be_watched_and_starts_nothing(
    tmp_path: Path, python: tuple[str, ...]
) -> None:
    result = supervisor("--check", "-c", configured(tmp_path), python=python)
    assert (result.returncode, result.stderr) == (0, "")
    assert "slow: Latency (smbslower) mode all" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["aod.yaml"]


def test_check_without_a_file_takes_the_default_one() -> None:
    result = supervisor("--check")
    assert result.returncode == 0
    assert result.stdout.startswith(f"{default_file()} can be used")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("surprise: 1\n", 6, ["surprise"]),
        ("watch_interval_sec: -1\n", 6, ["watch_interval_sec"]),
        ("cleanup: {max_log_age_days: many}\n", 6, ["max_log_age_days"]),
        ("a: [\n", 7, []),
    ],
)
def test_fault_in_the_file_is_said_with_file_and_line(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    path = configured(tmp_path, text)
    result = supervisor("-c", path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{path}:{line}: ")
    assert all(word in result.stderr for word in words)
    assert "Traceback" not in result.stderr


def test_every_fault_has_its_line_without_assertions_too(tmp_path: Path) -> None:
    path = configured(tmp_path, "ring_mb: 3\nmax_inflight: 5000\n")
    result = supervisor("--check", "-c", path, python=("-O",))
    assert result.returncode == 2
    starts = [text.split(": ")[0] for text in result.stderr.splitlines()]
    assert starts == [f"{path}:6", f"{path}:7"]


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    result = supervisor("-c", tmp_path / name)
    assert result.returncode == 2
    assert result.stderr.startswith(f"{tmp_path / name}")
    assert len(result.stderr.splitlines()) == 1


def test_warnings_are_logged_with_their_line_and_stop_nothing(tmp_path: Path) -> None:
    path = tmp_path / "aod.yaml"
    path.write_text(
        "guardian: {anomalies: {slow: {type: Latency, actions: [dmesg]}}}\n"
        "watcher: {actions: [stats]}\n"
    )
    result = supervisor("--check", "-c", path)
    assert result.returncode == 0
    assert (
        f"{path}:1: guardian.anomalies.slow.actions[0] is dmesg, which is skipped" in result.stderr
    )


@pytest.mark.parametrize(
    "arguments",
    [["--surprise"], ["surprise"], ["--without", "coffee"], ["--without"], ["-c"]],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str]) -> None:
    result = supervisor(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("usage: aod-supervisor")


def test_level_that_is_none(tmp_path: Path) -> None:
    result = supervisor(
        "--check", "-c", configured(tmp_path), variables={"AOD_LOG_LEVEL": "nonsense"}
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "allowed: DEBUG, INFO, WARNING, ERROR, CRITICAL" in result.stderr


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_questions_about_itself(option: str) -> None:
    result = supervisor(option)
    assert (result.returncode, result.stderr) == (0, "")
    assert "exit codes" in result.stdout or result.stdout.startswith("AODv2 ")


@NEEDS_ROOT
@pytest.mark.skipif(not missing(platform.release()), reason="this kernel has the client")
@pytest.mark.parametrize("python", [(), ("-O",)])
def test_kernel_that_cannot_do_it_is_one_line_and_nothing_is_made(
    tmp_path: Path, python: tuple[str, ...]
) -> None:
    result = supervisor("-c", configured(tmp_path), python=python)
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == (
        f"this kernel ({platform.release()}) has no cifs client: {missing(platform.release())}\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["aod.yaml"]


@NEEDS_ROOT
@pytest.mark.parametrize("key", ["aod_output_dir", "state_dir", "runtime_dir"])
def test_folder_that_cannot_be_written_stops_before_anything_starts(
    tmp_path: Path, key: str
) -> None:
    path = configured(tmp_path)
    lines = [line for line in path.read_text().splitlines() if not line.startswith(key)]
    path.write_text("\n".join([*lines, f"{key}: /proc/aod", ""]))
    result = supervisor("-c", path, variables={OBJECT_VARIABLE: str(PRODUCER)})
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{key}: /proc/aod cannot be written")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "run" / "events.log").exists()


def test_installed_command_is_the_same(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("aod-supervisor")
    result = subprocess.run(
        [command, "--check", "-c", configured(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0
    assert result.stdout == supervisor("--check", "-c", tmp_path / "aod.yaml").stdout


@pytest.mark.parametrize("share", ["0", "-1", "100.1", "nan", "5%", ""])
def test_a_share_of_drops_that_is_none_is_refused(tmp_path: Path, share: str) -> None:
    result = supervisor("-c", configured(tmp_path), f"--simulate-drops={share}")
    assert result.returncode == 2
    assert f"{share} is no share; allowed: a number above 0, up to 100" in result.stderr


def test_drops_without_a_collector_are_refused(tmp_path: Path) -> None:
    arguments = ("--without", "collect", "--simulate-drops", "5")
    result = supervisor("-c", configured(tmp_path), *arguments)
    assert result.returncode == 2
    assert "give it to aod-stage collect" in result.stderr
