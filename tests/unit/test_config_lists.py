"""Names in lists: known, once, on one side only."""

from pathlib import Path

import pytest

from tests.unit.config_cases import ERROR, LATENCY, MINIMAL, Mistake, check, loaded

READ_TWICE = """\
      track_commands:
        - command: SMB2_READ
        - {command: SMB2_READ, threshold: 5}
"""

MISTAKES = [
    Mistake(
        LATENCY + "      track_commands:\n        - command: SMB2_WIRTE\n",
        6,
        ("unknown command SMB2_WIRTE", "did you mean SMB2_WRITE?", "SMB2_OPLOCK_BREAK"),
    ),
    Mistake(LATENCY + "      exclude_commands: [read]\n", 5, ("did you mean SMB2_READ?",)),
    Mistake(LATENCY + "      exclude_commands: ['']\n", 5, ("unknown command ''",)),
    Mistake(LATENCY + READ_TWICE, 7, ("a second time", "first in line 6")),
    Mistake(LATENCY + "      exclude_commands: [SMB2_READ, SMB2_READ]\n", 5, ("a second time",)),
    Mistake(
        LATENCY
        + "      mode: excludeonly\n      track_commands: [{command: SMB2_READ}]\n"
        + "      exclude_commands:\n        - SMB2_WRITE\n        - SMB2_READ\n",
        9,
        ("SMB2_READ is both in track_commands and in exclude_commands",),
    ),
    Mistake(LATENCY + "      mode: trackonly\n", 5, ("watches nothing", "track_commands")),
    Mistake(LATENCY + "      mode: trackonly\n      track_commands: []\n", 5, ("watches nothing",)),
    Mistake(ERROR + "      mode: trackonly\n", 5, ("watches nothing", "track_codes")),
    Mistake(
        ERROR + "      track_codes:\n        - EACCESS\n", 6, ("did you mean EACCES?", "an errno")
    ),
    Mistake(ERROR + "      track_codes: [eio]\n", 5, ("did you mean EIO?",)),
    Mistake(
        ERROR + "      track_codes: [ACCESS_DENIED]\n", 5, ("did you mean STATUS_ACCESS_DENIED?",)
    ),
    Mistake(ERROR + "      track_codes: [STATUS_SUCCESS]\n", 5, ("unknown code STATUS_SUCCESS",)),
    Mistake(ERROR + "      exclude_codes: ['13']\n", 5, ("unknown code 13",)),
    Mistake(ERROR + "      track_codes: [EIO, EACCES, EIO]\n", 5, ("EIO stands a second time",)),
    Mistake(
        ERROR + "      track_codes:\n        - EAGAIN\n        - EWOULDBLOCK\n",
        7,
        ("EWOULDBLOCK stands a second time", "first in line 6"),
    ),
    Mistake(
        ERROR + "      track_codes: [EOPNOTSUPP]\n      exclude_codes: [ENOTSUP]\n",
        6,
        ("ENOTSUP is both in track_codes and in exclude_codes",),
    ),
    Mistake(LATENCY + "      actions: [dmesg, stats, dmesg]\n", 5, ("dmesg stands a second",)),
    Mistake(MINIMAL + "watcher: {actions: [stats, stats]}\n", 2, ("stats stands a second",)),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.text.splitlines()[-1].strip())
def test_a_mistake_is_named_with_its_line(tmp_path: Path, mistake: Mistake) -> None:
    check(tmp_path, mistake)


def test_an_errno_and_a_status_of_it_are_different_codes(tmp_path: Path) -> None:
    text = ERROR + "      mode: excludeonly\n      track_codes: [STATUS_LOGON_FAILURE]\n"
    assert loaded(tmp_path, text + "      exclude_codes: [EACCES]\n").warnings == ()
