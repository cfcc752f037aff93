"""What does not fit the schema: its line, and what is allowed."""

from pathlib import Path

import pytest

from aod.config import Config
from aod.config_explain import problems, to_path
from aod.config_file import ConfigError, load
from aod.yaml_lines import parse
from tests.unit.config_cases import ERROR, LATENCY, MINIMAL, Mistake, check, write

TYPES = "allowed: Connection, Error, Latency"

MISTAKES = [
    Mistake(
        MINIMAL + "wach_interval_sec: 1\n", 2, ("did you mean watch_interval_sec?", "recorder")
    ),
    Mistake(MINIMAL + "watch_interval_sec: '1'\n", 2, ("is the text '1'", "without quotes")),
    Mistake(MINIMAL + "watch_interval_sec: 1s\n", 2, ("the text '1s'", "without a unit")),
    Mistake(MINIMAL + "watch_interval_sec: 0\n", 2, ("is 0", "above 0, at most 3600")),
    Mistake(MINIMAL + "watch_interval_sec: -0.5\n", 2, ("is -0.5", "above 0")),
    Mistake(MINIMAL + "watch_interval_sec: .nan\n", 2, ("is nan", "above 0")),
    Mistake(MINIMAL + "watch_interval_sec: .inf\n", 2, ("is inf", "at most 3600")),
    Mistake(MINIMAL + "watch_interval_sec: true\n", 2, ("is true", "a number")),
    Mistake(MINIMAL + "watch_interval_sec:\n", 2, ("is empty", "leave the line out")),
    Mistake(MINIMAL + "watch_interval_sec: 2024-01-02\n", 2, ("the date 2024-01-02",)),
    Mistake(MINIMAL + "watch_interval_sec: [1]\n", 2, ("is a list", "a number")),
    Mistake(MINIMAL + f"watch_interval_sec: {'9' * 400}\n", 2, ("a huge number", "3600")),
    Mistake(MINIMAL + "aod_output_dir: log\n", 2, ("'log'", "an absolute path")),
    Mistake(MINIMAL + "aod_output_dir: /\n", 2, ("'/'", "an absolute path")),
    Mistake(MINIMAL + "aod_output_dir: /a/../b\n", 2, ("without '..'",)),
    Mistake(MINIMAL + 'aod_output_dir: "/a\\0b"\n', 2, ("'/a\\x00b'", "an absolute path")),
    Mistake(MINIMAL + "aod_output_dir: 5\n", 2, ("is 5", "an absolute path")),
    Mistake(MINIMAL + "recorder: some\n", 2, ("'some'", "all, matching")),
    Mistake(MINIMAL + "recorder: machting\n", 2, ("did you mean matching?",)),
    Mistake(MINIMAL + "ring_mb: 0\n", 2, ("from 1 to 1024",)),
    Mistake(MINIMAL + "ring_mb: 2048\n", 2, ("from 1 to 1024",)),
    Mistake(MINIMAL + "ring_mb: 16.5\n", 2, ("is 16.5", "a whole number")),
    Mistake(MINIMAL + "max_inflight: 100\n", 2, ("from 1024 to 1048576",)),
    Mistake(MINIMAL + "audit:\n  enabled: yes\n", 3, ("did you mean true?", "true, false")),
    Mistake(MINIMAL + "audit:\n  enabled: 1\n", 3, ("is 1", "true, false")),
    Mistake(MINIMAL + "audit:\n  enabled:\n", 3, ("audit.enabled is empty",)),
    Mistake(MINIMAL + "audit: true\n", 2, ("audit is true", "a section with enabled")),
    Mistake(MINIMAL + "cleanup:\n", 2, ("cleanup is empty", "leave the line out")),
    Mistake(MINIMAL + "cleanup:\n  max_log_age_days: 0\n", 3, ("above 0",)),
    Mistake(MINIMAL + "cleanup:\n  max_log_age: 2\n", 3, ("did you mean max_log_age_days?",)),
    Mistake(MINIMAL + "capture:\n  compression_level: 20\n", 3, ("from 1 to 19",)),
    Mistake(MINIMAL + "capture:\n  max_concurrent: 2.5\n", 3, ("a whole number",)),
    Mistake(MINIMAL + "supervision:\n  attempts: 0\n", 3, ("from 1 to 1000",)),
    Mistake(MINIMAL + "supervision:\n  heartbeat_timeout_sec: 1\n", 3, ("from 2",)),
    Mistake(MINIMAL + "watcher: {actions: dmesg}\n", 2, ("watcher.actions is the text", "a list")),
    Mistake(MINIMAL + "watcher:\n  actions:\n    - dmesg\n    - dmseg\n", 5, ("mean dmesg?",)),
    Mistake("audit: {}\n", 1, ("the file has no guardian",)),
    Mistake("guardian: {}\n", 1, ("guardian has no anomalies",)),
    Mistake("guardian:\n  anomalies: {}\n", 2, ("is empty", "at least one")),
    Mistake("guardian:\n  anomalies:\n", 2, ("guardian.anomalies is empty",)),
    Mistake("guardian:\n  anomalies:\n    - type: Latency\n", 3, ("is a list", "a section")),
    Mistake("guardian:\n  anomalies:\n    slow: Latency\n", 3, ("a section with a type",)),
    Mistake("guardian:\n  anomalies:\n    slow:\n      mode: all\n", 3, ("has no type", "Error")),
    Mistake("guardian: {anomalies: {a b: {type: Error}}}\n", 1, ("cannot be a name", "64")),
    Mistake("guardian: {anomalies: {../x: {type: Error}}}\n", 1, ("cannot be a name",)),
    Mistake(
        LATENCY.replace("Latency", "latency"),
        4,
        ("did you mean Latency?", TYPES),
    ),
    Mistake(LATENCY.replace("Latency", "[Latency]"), 4, ("type is a list", TYPES)),
    Mistake(LATENCY + "      tool: smbiosnoop\n", 5, ("slow.tool", "allowed: smbslower")),
    Mistake(LATENCY + "      mode: only\n", 5, ("all, trackonly, excludeonly",)),
    Mistake(LATENCY + "      mode: exclude-only\n", 5, ("did you mean excludeonly?",)),
    Mistake(LATENCY + "      acceptable_count: -1\n", 5, ("is -1", "from 0")),
    Mistake(LATENCY + "      acceptable_count: 1.5\n", 5, ("is 1.5", "a whole number")),
    Mistake(LATENCY + "      acceptable_count: false\n", 5, ("is false", "a whole number")),
    Mistake(LATENCY + "      default_threshold_ms: -20\n", 5, ("is -20", "above 0")),
    Mistake(LATENCY + "      emergency_threshold_ms: 0\n", 5, ("is 0", "or null")),
    Mistake(LATENCY + "      cooldown_sec: -1\n", 5, ("is -1", "from 0")),
    Mistake(LATENCY + "      track_codes: [EIO]\n", 5, ("unknown key track_codes", "in guardian")),
    Mistake(LATENCY + "      track_commands:\n", 5, ("is empty", "a list")),
    Mistake(
        LATENCY + "      track_commands:\n        - SMB2_READ\n",
        6,
        ("track_commands[0]", "did you mean 'command: SMB2_READ'?"),
    ),
    Mistake(
        LATENCY + "      track_commands:\n        - command: SMB2_READ\n          threshold: 0\n",
        7,
        ("track_commands[0].threshold is 0", "above 0"),
    ),
    Mistake(LATENCY + "      track_commands:\n        - threshold: 5\n", 6, ("has no command",)),
    Mistake(LATENCY + "      exclude_commands: [{command: SMB2_READ}]\n", 5, ("is a section",)),
    Mistake(ERROR + "      track_codes: [13]\n", 5, ("track_codes[0] is 13", "text")),
    Mistake(ERROR + "      track_codes: EIO\n", 5, ("is the text 'EIO'", "a list")),
    Mistake(ERROR + "      default_threshold_ms: 5\n", 5, ("unknown key default_threshold_ms",)),
    Mistake("just text\n", 1, ("the file is the text", "a section with guardian")),
    Mistake("- guardian\n", 1, ("the file is a list",)),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.text.splitlines()[-1].strip())
def test_a_mistake_is_named_with_its_line(tmp_path: Path, mistake: Mistake) -> None:
    check(tmp_path, mistake)


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "ring_mb: 0\naudit: {enabled: 3}\n" + LATENCY + "      mode: x\n      actions: [y]\n"
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    lines = [int(line.split(":")[1]) for line in str(caught.value).splitlines()]
    assert lines == [1, 2, 7, 8]


def test_what_is_right_has_no_problems() -> None:
    assert list(problems(parse(MINIMAL.encode()), Config)) == []


def test_a_folder_is_an_absolute_path() -> None:
    assert to_path(Path, "/var/log/aod/") == Path("/var/log/aod")
    for wrong in ("", "x", "/", "//", "/a/..", "/a\0", None, 5):
        with pytest.raises(ValueError, match="path"):
            to_path(Path, wrong)
