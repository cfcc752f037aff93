"""Rows become commands, or a sentence about what this host lacks."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from aod.actions.resolve import MissingError, Situation, commands
from aod.actions.table import Action, row
from aod.config_base import ActionName
from aod.manifest import Mount

MOUNTS = (
    Mount("//a/s", "/mnt/a", "cifs", "rw"),
    Mount("//b/s", "/mnt/b b", "cifs", "rw"),
)
SITUATION = Situation(1_700_000_300_999_999_999, MOUNTS)
PLAIN = Action(
    name=ActionName.DMESG, file="dmesg.log", argv=("cat",), timeout_sec=1, max_bytes=1000
)


def test_a_command_is_taken_as_it_is() -> None:
    action = replace(PLAIN, argv=("echo", "a b", "*"))
    assert commands(action, SITUATION) == [("echo", "a b", "*")]


def test_logs_are_wanted_from_five_minutes_before_the_anomaly() -> None:
    journalctl = row("journalctl")
    assert journalctl is not None
    [argv] = commands(replace(journalctl, argv=("cat", *journalctl.argv[1:])), SITUATION)
    assert argv[-1] == "--since=@1700000000"


def test_one_command_per_mount() -> None:
    action = replace(PLAIN, each_mount=True)
    assert commands(action, SITUATION) == [("cat", "/mnt/a"), ("cat", "/mnt/b b")]


def test_the_first_path_that_exists(tmp_path: Path) -> None:
    paths = tuple(str(tmp_path / name) for name in ("none", "folder", "this", "that"))
    for path in paths[2:]:
        Path(path).touch()
    Path(paths[1]).mkdir()
    assert commands(replace(PLAIN, paths=paths), SITUATION) == [("cat", paths[2])]


@pytest.mark.parametrize(
    ("action", "mounts", "why"),
    [
        (replace(PLAIN, argv=("no-such-program",)), MOUNTS, "no-such-program: no such program"),
        (replace(PLAIN, paths=("/none/a", "/none/b")), MOUNTS, "/none/a and /none/b: no such file"),
        (replace(PLAIN, each_mount=True), (), "no cifs file system is mounted"),
    ],
)
def test_what_is_missing_is_said(action: Action, mounts: tuple[Mount, ...], why: str) -> None:
    with pytest.raises(MissingError, match=why):
        commands(action, replace(SITUATION, mounts=mounts))
