"""Secrets that every source prints, and nothing of them in what is collected."""

import asyncio
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from aod.actions import resolve, runner
from aod.actions.action import Action
from aod.actions.job import Job
from aod.actions.mask.words import Words
from aod.actions.resolve import Situation
from aod.actions.result import Status
from aod.actions.runner import Collected
from aod.actions.table import ACTIONS
from tests.rig import secrets
from tests.rig.secrets import KEY_LINES, is_found
from tests.unit.samples import CONFIG, with_job

PLANT = "hunter2"
PLANTED = f"""\
34 22 0:30 / /data rw - cifs //srv/a rw,username=me,password={PLANT},vers=3.1.1
//srv/share /mnt cifs username=me,pass={PLANT},,{PLANT},credentials=/etc/{PLANT} 0 0
password={PLANT}
DB_PASSWORD={PLANT},{PLANT} {PLANT}
AWS_SECRET_ACCESS_KEY={PLANT}/+=
sudo: me : COMMAND=/usr/bin/prog --password {PLANT} --api-key={PLANT}
smbclient -U DOM\\me%{PLANT} //srv/share
curl -u me:{PLANT} https://me:{PLANT}@host/?sig={PLANT * 3}&se=1
Authorization: Bearer {PLANT}
{{"client_secret": "{PLANT}"}}
plain words
"""
KEY = "2d 00 9f 11 5a a5 2d 00"
KINDS = [one.line("QZJQZJQZJ") for one in secrets.planted() if one.name.endswith(": as it is")]
KINDS += [one.format(KEY) for one in KEY_LINES]
"""Every kind of secret in every spelling: too much for what is kept of stderr."""


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Action]:
    """Every row, its files and programs replaced by some that tell secrets on both ways out."""
    text, programs, more = tmp_path / "text", tmp_path / "programs", tmp_path / "more"
    text.write_text(PLANTED)
    more.write_text("\n".join(["more words", *KINDS, ""]))
    programs.mkdir()
    own = {command.argv[0] for action in ACTIONS for command in action.commands}
    for name in {*own, "cat"}:
        program = programs / name
        program.write_text(f"#!/bin/sh\n/bin/cat {text} {more}\n/bin/cat {text} >&2\nexit 3\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(sys, "executable", str(programs / "{python}"))
    return [planted(action, text) for action in ACTIONS if not action.binary]


def planted(action: Action, text: Path) -> Action:
    commands = (
        replace(command, paths=(str(text),) if command.paths else ()) for command in action.commands
    )
    return replace(action, needs=(), commands=tuple(commands))


def collect(rows: list[Action], folder: Path) -> Collected:
    async def run(job: Job) -> Collected:
        late = asyncio.get_running_loop().create_future()
        late.set_result(None)
        return await runner.collect(rows, Situation(folder, 0, CONFIG), job, late, lambda _: None)

    return with_job(run)


def test_no_source_tells_a_secret(tmp_path: Path, rows: list[Action]) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    collected = collect(rows, folder)
    assert {path.name for path in folder.iterdir()} == {action.file for action in rows}
    for source in collected.sources:
        content = (folder / source.file).read_text()
        assert (source.status, source.exit_status) == (Status.FAILED, 3), source
        assert "plain words" in content
        assert "more words" in content
        assert "plain words" in source.stderr_tail
        assert PLANT not in content, source.name
        assert KEY not in content, source.name
        assert [line for line in content.split("\n") if is_found(line.encode())] == []
    assert PLANT not in str(collected)
    assert [mount.mount_point for mount in collected.mounts] == ["/data", "/mnt"]


def test_it_would_have_been_seen(
    tmp_path: Path, rows: list[Action], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted text does arrive: without masking it is everywhere."""
    monkeypatch.setattr("aod.actions.mask.lines._WORDS", Words(()))
    folder = tmp_path / "bundle"
    folder.mkdir()
    sources = collect(rows, folder).sources
    assert {source.file for source in sources} == {action.file for action in rows}
    for source in sources:
        assert PLANT in (content := (folder / source.file).read_text())
        assert KEY in content
        assert is_found(content.encode())
        assert PLANT in source.stderr_tail


def test_every_way_to_start_a_program_is_planted() -> None:
    """A row whose program were found past PATH would be tested in vain."""
    programs = {command.argv[0] for action in ACTIONS for command in action.commands}
    assert all("/" not in program for program in programs)
    assert "{python}" in programs
    assert resolve.placeholders(Situation(Path(), 0, CONFIG), 0)["python"] == sys.executable
