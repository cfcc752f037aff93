"""Values that contradict each other, and those that only look as if they did."""

from pathlib import Path

import pytest

from aod.smb.commands import PATIENCE, Command
from tests.unit.config.cases import ERROR, LATENCY, MINIMAL, Mistake, check, loaded

MISTAKES = [
    Mistake(MINIMAL + "ring_mb: 12\n", 2, ("ring_mb is 12", "8 or 16")),
    Mistake(MINIMAL + "event_log_mb: 100\n", 2, ("event_log_mb is 100", "64 or 128")),
    Mistake(MINIMAL + "max_inflight: 10000\n", 2, ("max_inflight is 10000", "8192 or 16384")),
    Mistake(
        MINIMAL + "supervision:\n  longest_delay_sec: 1\n  first_delay_sec: 2\n",
        3,
        ("supervision.longest_delay_sec is shorter than first_delay_sec, 2",),
    ),
    Mistake(MINIMAL + "supervision:\n  first_delay_sec: 40\n", 2, ("longest_delay_sec",)),
    Mistake(
        "unanswered_sec: 5\n" + LATENCY + "      default_threshold_ms: 5000\n",
        6,
        ("is 5000 and never reached", "unanswered_sec, 5", "below 5000"),
    ),
    Mistake("unanswered_sec: 0.5\n" + LATENCY, 4, ("emergency_threshold_ms is 1000",)),
    Mistake(
        LATENCY + "      track_commands:\n"
        "        - command: SMB2_READ\n          threshold: 300000\n",
        7,
        ("track_commands[0].threshold is 300000", "below 200000"),
    ),
    Mistake(MINIMAL + "state_dir: /run/aod\n", 2, ("so is runtime_dir", "a folder for each")),
    Mistake(MINIMAL + "aod_output_dir: /var/lib/aod/\n", 2, ("so is aod_output_dir",)),
    Mistake(MINIMAL + f"runtime_dir: /{'x' * 94}\n", 2, ("95 bytes", "at most 94")),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.text.splitlines()[-1].strip())
def test_a_contradiction_is_named_with_its_line(tmp_path: Path, mistake: Mistake) -> None:
    check(tmp_path, mistake)


EXCLUDE_ALL = ", ".join(
    command.name
    for command in Command
    if command not in PATIENCE or PATIENCE[command].threshold_ms is not None
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "watcher: {actions: [dmesg]}\n" + LATENCY + "      actions: [dmesg, stats]\n",
            6,
            "guardian.anomalies.slow.actions[1] is stats, which is skipped: not in the allow-list",
        ),
        (LATENCY + "      exclude_commands: [SMB2_READ]\n", 5, "no effect in mode all"),
        (
            ERROR
            + "      mode: trackonly\n      track_codes: [EIO]\n      exclude_codes: [EIDRM]\n",
            7,
            "exclude_codes has no effect in mode trackonly",
        ),
        (
            LATENCY + "      default_threshold_ms: 1000\n",
            3,
            "emergency_threshold_ms is 1000, not above the threshold 1000",
        ),
        (
            LATENCY + "      track_commands:\n        - command: SMB2_ECHO\n",
            6,
            "is SMB2_ECHO, which cannot be timed",
        ),
        (
            LATENCY + f"      mode: excludeonly\n      exclude_commands: [{EXCLUDE_ALL}]\n",
            6,
            "exclude_commands leaves no command to watch",
        ),
    ],
)
def test_a_doubt_is_a_warning_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    (warning,) = loaded(tmp_path, text).warnings
    assert warning.startswith(f"{tmp_path}/aod.yaml:{line}: ")
    assert words in warning


def test_an_allow_list_may_name_what_no_anomaly_uses(tmp_path: Path) -> None:
    assert loaded(tmp_path, MINIMAL + "watcher: {actions: [tcpdump]}\n").warnings == ()


def test_exclusions_in_mode_excludeonly_are_in_order(tmp_path: Path) -> None:
    text = LATENCY + "      mode: excludeonly\n      exclude_commands: [SMB2_READ]\n"
    assert loaded(tmp_path, text).warnings == ()
