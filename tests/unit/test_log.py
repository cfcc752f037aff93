"""What goes to stderr, to the journal and to syslog, and in which form."""

import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from aod import log, systemd
from aod.log import ROOT, LevelError, setup
from tests.unit.journald import listen, waiting

PROGRAM = """
import os, sys
stream, journald, syslog = sys.argv[1:]
if stream:
    info = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = stream.replace("mine", f"{info.st_dev}:{info.st_ino}")
from aod import log
from aod import systemd
systemd.JOURNAL_SOCKET, log.SYSLOG_SOCKET = journald, syslog
log.setup()
one = log.ROOT.getChild("detect")
one.debug("quiet")
one.warning("two\\nlines")
try:
    1 / 0
except ZeroDivisionError:
    one.exception("failed")
evil = "x\\n12:00:00 ERROR aod.detect: y\\0<0>z\\nPRIORITY=0 \\x1b[2J"
log.alert(one, "a %s b", evil, AOD_ANOMALY=evil, PRIORITY=0)
one.info("sealed", extra=log.fields(AOD_BUNDLE="aod_1"))
"""
NOWHERE = "/nowhere/at/all"


@pytest.fixture(autouse=True)
def no_level_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AOD_LOG_LEVEL", raising=False)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[socket.socket]:
    """journald, or syslog: whoever listens."""
    with listen(tmp_path / "socket") as made:
        yield made


def said(
    stream: str = "", journald: object = NOWHERE, syslog: object = NOWHERE, **variables: str
) -> list[str]:
    """What a program of its own writes to stderr, with sockets of the test's."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.fspath(Path.cwd()), **variables}
    command = [sys.executable, "-c", PROGRAM, stream, str(journald), str(syslog)]
    result = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    assert result.stdout == ""
    return result.stderr.split("\n")[:-1]


def test_person_sees_date_and_time_in_utc_level_and_stage() -> None:
    first, second, *_ = said()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC WARNING aod\.detect: two", first)
    assert abs(time.time() - datetime.fromisoformat(f"{first[:19]}+00:00").timestamp()) < 60
    assert second == "    lines"


def test_person_sees_an_alert_as_such_and_no_line_that_is_none() -> None:
    lines = said()
    begin = next(number for number, line in enumerate(lines) if " ALERT " in line)
    assert lines[begin][24:] == "ALERT   aod.detect: a x"
    assert lines[begin + 1] == "    12:00:00 ERROR aod.detect: y?<0>z"
    assert lines[begin + 2] == "    PRIORITY=0 ?[2J b"


def test_journal_gets_entries_with_fields(tmp_path: Path, daemon: socket.socket) -> None:
    assert said("mine", tmp_path / "socket") == []
    warning, failed, alert, sealed = waiting(daemon)
    assert warning == {
        "MESSAGE": "aod.detect: two\nlines",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "aod",
        "AOD_STAGE": "detect",
    }
    assert failed["PRIORITY"] == "3"
    assert failed["MESSAGE"].endswith("ZeroDivisionError: division by zero")
    evil = "x\n12:00:00 ERROR aod.detect: y\0<0>z\nPRIORITY=0 \x1b[2J"
    assert alert["PRIORITY"] == "1"
    assert alert["AOD_ANOMALY"] == evil
    assert alert["MESSAGE"] == f"aod.detect: a {evil} b"
    assert sealed["AOD_BUNDLE"] == "aod_1"


def test_journal_without_a_socket_gets_the_priority_on_every_line_of_its_stream() -> None:
    lines = said("mine")
    assert lines[:3] == ["<4>aod.detect: two", "<4>    lines", "<3>aod.detect: failed"]
    assert all(re.match("<[136]>", line) for line in lines[3:])
    assert "\0" not in "".join(lines)
    assert sum(line.startswith("<1>") for line in lines) == 3
    assert any("ZeroDivisionError" in line for line in lines)


def test_journal_of_somebody_else_changes_nothing(tmp_path: Path, daemon: socket.socket) -> None:
    assert not any(line.startswith("<") for line in said("9:4711", tmp_path / "socket"))
    assert waiting(daemon) == []


def test_syslog_gets_alerts_and_nothing_else(tmp_path: Path, daemon: socket.socket) -> None:
    said(syslog=tmp_path / "socket")
    (line,) = (daemon.recv(1 << 16) for _ in range(1))
    assert re.fullmatch(
        rb"<25>\w{3} [ \d]\d \d\d:\d\d:\d\d aod\[\d+\]: aod\.detect: a x 12:00:00 ERROR [^\n\0]*",
        line,
    )
    assert waiting(daemon) == []


def test_journal_that_takes_nothing_stops_nobody_and_is_told_later(
    tmp_path: Path, daemon: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket is full, and its stream, too."""
    stream, ours = socket.socketpair()
    with stream, ours, ours.makefile("w", buffering=1) as stderr:
        ours.setblocking(False)
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setattr(systemd, "JOURNAL_SOCKET", str(tmp_path / "socket"))
        handler = log._JournalHandler()
        record = logging.LogRecord("aod.x", logging.INFO, "", 0, "y" * 4000, None, None)
        while not handler._lost:  # a wait, or an error, would end the test
            handler.emit(record)
        queued = len(waiting(daemon))
        handler.emit(record)
        told = waiting(daemon)
    assert queued
    assert [one["MESSAGE"][:20] for one in told] == ["aod.x: yyyyyyyyyyyyy", "aod: 1 messages are "]


def test_level_comes_from_the_environment() -> None:
    assert any("quiet" in line for line in said(AOD_LOG_LEVEL="debug"))
    assert not any("two" in line for line in said(AOD_LOG_LEVEL="ERROR"))
    assert any(" ALERT " in line for line in said(AOD_LOG_LEVEL="CRITICAL"))


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
    handlers = len(ROOT.handlers)
    setup()
    assert len(ROOT.handlers) == handlers


@pytest.mark.parametrize("level", [*log.LEVELS, "ALERT"])
def test_every_level_has_a_priority(level: str) -> None:
    assert level in log._PRIORITIES


def test_a_complaint_is_logged_once_until_it_changes_or_things_work_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    warn_once = log.WarnOnce(logging.getLogger("test"), logging.ERROR)
    for complaint in ("a", "a", "b", "a"):
        warn_once(complaint)
    warn_once.clear()
    warn_once("a")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        *(("ERROR", "a"), ("ERROR", "b"), ("ERROR", "a")),
    ]
