"""What goes to stderr, and in which form."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aod import log
from aod.log import ROOT, LevelError, setup

PROGRAM = """
import os, sys
if sys.argv[1:]:
    info = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = sys.argv[1] or f"{info.st_dev}:{info.st_ino}"
from aod import log
log.setup()
one = log.ROOT.getChild("detect")
one.debug("quiet")
one.warning("two\\nlines")
try:
    1 / 0
except ZeroDivisionError:
    one.exception("failed")
"""


@pytest.fixture(autouse=True)
def no_level_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AOD_LOG_LEVEL", raising=False)


def said(*arguments: str, **variables: str) -> list[str]:
    """What a program of its own writes to stderr."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.fspath(Path.cwd()), **variables}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    result = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    assert result.stdout == ""
    return result.stderr.splitlines()


def test_person_sees_time_level_and_stage() -> None:
    first, second, *_ = said()
    assert first.split(maxsplit=1)[1] == "WARNING aod.detect: two"
    assert second == "lines"


def test_journal_gets_the_priority_on_every_line() -> None:
    lines = said("")
    assert lines[:3] == ["<4>aod.detect: two", "<4>lines", "<3>aod.detect: failed"]
    assert all(line.startswith("<3>") for line in lines[3:])
    assert "ZeroDivisionError" in lines[-1]


def test_journal_of_somebody_else_changes_nothing() -> None:
    assert not any(line.startswith("<") for line in said("9:4711"))


def test_level_comes_from_the_environment() -> None:
    assert any("quiet" in line for line in said(AOD_LOG_LEVEL="debug"))
    assert not any("two" in line for line in said(AOD_LOG_LEVEL="ERROR"))


@pytest.mark.parametrize("level", ["", "nonsense", "WARN", "10", " INFO"])
def test_level_that_is_none_is_refused_with_what_is_allowed(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AOD_LOG_LEVEL", level)
    if not level:
        setup()
        assert ROOT.level == logging.INFO
        return
    with pytest.raises(LevelError, match="allowed: DEBUG, INFO, WARNING, ERROR, CRITICAL"):
        setup()


def test_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AOD_LOG_LEVEL", "nonsense")
    setup("error")
    assert ROOT.level == logging.ERROR


def test_setting_up_twice_says_everything_once() -> None:
    setup()
    setup()
    assert len(ROOT.handlers) == 1


@pytest.mark.parametrize("level", log.LEVELS)
def test_every_level_has_a_priority(level: str) -> None:
    assert level in log._PRIORITIES
