"""Names in lists: known, once, on one side only."""

from pathlib import Path

import pytest

from aod.config.load import ConfigError
from aod.detectors.lists import MOST_HINTS
from tests.unit.config.cases import ERROR, LATENCY, MINIMAL, Mistake, check, loaded

READ_TWICE = """\
      track_commands:
        - command: SMB2_READ
        - {command: SMB2_READ, threshold: 5}
"""

MISTAKES = [
    Mistake(
        LATENCY + "      track_commands:\n        - command: SMB2_WIRTE\n",
        6,
        ("is SMB2_WIRTE, an unknown command", "did you mean SMB2_WRITE?", "SMB2_OPLOCK_BREAK"),
    ),
    Mistake(LATENCY + "      exclude_commands: [read]\n", 5, ("did you mean SMB2_READ?",)),
    Mistake(LATENCY + "      exclude_commands: ['']\n", 5, ("is '', an unknown command",)),
    Mistake(
        LATENCY + READ_TWICE,
        7,
        ("track_commands[1] is SMB2_READ, a duplicate of track_commands[0];",),
    ),
    Mistake(
        LATENCY + "      exclude_commands: [SMB2_READ, SMB2_READ]\n",
        5,
        ("exclude_commands[1] is SMB2_READ, a duplicate of exclude_commands[0];",),
    ),
    Mistake(
        LATENCY
        + "      mode: excludeonly\n      track_commands: [{command: SMB2_READ}]\n"
        + "      exclude_commands:\n        - SMB2_WRITE\n        - SMB2_READ\n",
        9,
        ("exclude_commands[1] is SMB2_READ, which is also in track_commands;",),
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
    Mistake(
        ERROR + "      track_codes: [STATUS_SUCCESS]\n", 5, ("is STATUS_SUCCESS, an unknown code",)
    ),
    Mistake(ERROR + "      exclude_codes: ['13']\n", 5, ("is 13, an unknown code",)),
    Mistake(
        ERROR + "      track_codes: [EIO, EACCES, EIO]\n",
        5,
        ("track_codes[2] is EIO, a duplicate of track_codes[0];",),
    ),
    Mistake(
        ERROR + "      track_codes:\n        - EAGAIN\n        - EWOULDBLOCK\n",
        7,
        ("track_codes[1] is EWOULDBLOCK, a duplicate of track_codes[0];",),
    ),
    Mistake(
        ERROR
        + "      track_codes: [STATUS_REPARSE_NOT_HANDLED, STATUS_IO_REPARSE_TAG_NOT_HANDLED]\n",
        5,
        ("track_codes[1] is STATUS_IO_REPARSE_TAG_NOT_HANDLED, a duplicate of track_codes[0];",),
    ),
    Mistake(ERROR + "      track_codes: [NT_STATUS_EAS_TOO_LARGE]\n", 5, ("STATUS_EA_TOO_LARGE",)),
    Mistake(
        ERROR + "      track_codes: [EOPNOTSUPP]\n      exclude_codes: [ENOTSUP]\n",
        6,
        ("exclude_codes[0] is ENOTSUP, which is also in track_codes;",),
    ),
    Mistake(
        LATENCY + "      actions: [dmesg, stats, dmesg]\n",
        5,
        ("actions[2] is dmesg, a duplicate of actions[0];",),
    ),
    Mistake(
        MINIMAL + "watcher: {actions: [stats, stats]}\n",
        2,
        ("watcher.actions[1] is stats, a duplicate of actions[0];",),
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.text.splitlines()[-1].strip())
def test_a_mistake_is_named_with_its_line(tmp_path: Path, mistake: Mistake) -> None:
    check(tmp_path, mistake)


def test_an_errno_and_a_status_of_it_are_different_codes(tmp_path: Path) -> None:
    text = ERROR + "      mode: excludeonly\n      track_codes: [STATUS_LOGON_FAILURE]\n"
    assert loaded(tmp_path, text + "      exclude_codes: [EACCES]\n").warnings == ()


def test_thousands_of_unknown_names_are_all_told_and_the_first_ones_get_a_hint(
    tmp_path: Path,
) -> None:
    names = "".join(f"        - EIO{number}\n" for number in range(2000))
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, ERROR + "      track_codes:\n" + names)
    lines = str(caught.value).splitlines()
    assert [int(line.split(":")[1]) for line in lines] == list(range(6, 2006))
    assert ["did you mean EIO?" in line for line in lines[:MOST_HINTS]] == [True] * MOST_HINTS
    assert not any("did you mean" in line for line in lines[MOST_HINTS:])
