"""The kernel's messages of a span of time."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.actions.programs import kmsg

NOW = 1_700_000_000.0
UPTIME = 1000.0
RECORD = b"4,1234,900500000,-;CIFS: VFS: \\\\srv has not responded\n SUBSYSTEM=x\n"


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_a_record_is_told_with_both_times_and_its_level() -> None:
    assert kmsg.line(RECORD, NOW - UPTIME, NOW - 300) == (
        "[  900.500000] 2023-11-14T22:11:40+0000 warn: CIFS: VFS: \\\\srv has not responded\n"
    )


def test_what_is_older_is_left_out() -> None:
    assert kmsg.line(RECORD, NOW - UPTIME, NOW - 99.5)
    assert kmsg.line(RECORD, NOW - UPTIME, NOW - 99.4) == ""


@pytest.mark.parametrize("record", [b"", b"no record", b"a,b,c,-;text", b"4,1;x"])
def test_what_is_no_record_is_left_out(record: bytes) -> None:
    assert kmsg.line(record, 0.0, 0.0) == ""


def test_a_record_that_was_overwritten_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    uptime_sec = time.clock_gettime(time.CLOCK_MONOTONIC)
    young = b"6,2,%d,-;young\n" % (uptime_sec * 1e6)
    reads: Iterator[bytes | OSError] = iter(
        [b"6,1,1,-;as old as the boot\n", BrokenPipeError(), young, BlockingIOError()]
    )

    def read(_fd: int, _size: int) -> bytes:
        told = next(reads)
        if isinstance(told, OSError):
            raise told
        return told

    monkeypatch.setattr(os, "read", read)
    kmsg.main(str(time.time() - uptime_sec / 2), "/dev/null")
    told = capsys.readouterr()
    assert told.out.endswith("info: young\n")
    assert told.out.count("\n") == 1
    assert told.err == ""


@pytest.mark.parametrize(
    ("records", "notes"),
    [
        ([(0, 950), (1, 960)], []),  # all since the boot
        ([(7, 600), (8, 960)], []),
        ([(7, 950), (8, 960)], ["the kernel's buffer begins 250 s after the look-back"]),
        (
            [(7, 600), (8, 960), (12, 961)],
            ["3 messages were overwritten before they could be read"],
        ),
        ([], []),
    ],
)
def test_what_the_buffer_lacks_is_said(records: list[tuple[int, int]], notes: list[str]) -> None:
    found = [b"6,%d,%d000000,-;x\n" % place for place in records]
    assert list(kmsg.gaps([b"no record", *found], NOW - UPTIME, NOW - 300)) == notes


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-I", "-S", kmsg.__file__, *arguments)
    return subprocess.run(argv, capture_output=True, text=True, check=True)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that come before the host's."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_where_the_records_are_not_for_us_the_journal_is_asked(programs: Path) -> None:
    uptime_usec = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6)
    entries = [
        {"MESSAGE": "old", "PRIORITY": "6", "_SOURCE_MONOTONIC_TIMESTAMP": "1"},
        {"MESSAGE": 'a="b"', "PRIORITY": "4", "_SOURCE_MONOTONIC_TIMESTAMP": str(uptime_usec)},
        {"MESSAGE": [120, 255], "_SOURCE_MONOTONIC_TIMESTAMP": str(uptime_usec)},
        {"MESSAGE": None, "PRIORITY": "6", "_SOURCE_MONOTONIC_TIMESTAMP": str(uptime_usec)},
        {"MESSAGE": "without a time"},
    ]
    (programs / "entries").write_text("".join(f"{json.dumps(one)}\n" for one in entries))
    program(programs, "journalctl", f"cat {programs}/entries")
    told = run(str(time.time() - uptime_usec / 2e6), "/nowhere/kmsg")
    first, *lines = told.stdout.splitlines()
    assert first == "from the journal: /nowhere/kmsg: No such file or directory"
    assert [one.split("Z ")[-1].split("+0000 ")[-1] for one in lines] == [
        'warn: a="b"',
        "info: x\ufffd",
        "info: ",
    ]
    assert told.stderr == ""


@pytest.mark.parametrize("journal", ["exit 0", "exit 1"])
def test_where_there_is_no_journal_dmesg_is_asked(programs: Path, journal: str) -> None:
    program(programs, "dmesg", 'echo "dmesg $*"')
    program(programs, "journalctl", journal)
    told = run("0", "/nowhere/kmsg")
    assert told.stdout.splitlines() == [
        "all messages, as dmesg has them: /nowhere/kmsg: No such file or directory",
        "dmesg -T",
    ]


@pytest.mark.skipif(not os.access(kmsg.KMSG, os.R_OK), reason="needs /dev/kmsg")
def test_the_messages_of_this_host() -> None:
    told = run("0")
    lines = told.stdout.splitlines()
    assert lines
    form = re.compile(r"\[ *\d+\.\d{6}\] \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} [a-z]+: ")
    assert [line for line in lines if not form.match(line)] == []
    assert told.stderr == ""
    assert run(str(time.time() + 3600)).stdout == ""
