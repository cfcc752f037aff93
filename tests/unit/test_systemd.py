"""Notifications and journal entries reach real datagram sockets, or cost nothing."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from aod import systemd
from aod.systemd import notify
from tests.unit.journald import listen, parse

STRANGERS = [
    "two\nlines",
    "x\nPRIORITY=0\nAOD_BUNDLE=/etc/shadow",
    "a=b=c",
    "nul\0in it",
    "\n",
    "",
    "für\u2028immer",
]


@pytest.fixture
def journald(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    monkeypatch.setattr(systemd, "JOURNAL_SOCKET", str(tmp_path / "socket"))
    with listen(tmp_path / "socket") as made:
        yield made


@pytest.mark.parametrize("text", STRANGERS)
def test_text_of_strangers_stays_within_its_field(text: str) -> None:
    assert parse(systemd.journal_entry(text, 1, {"AOD_ANOMALY": text})) == [
        ("MESSAGE", text.encode()),
        ("PRIORITY", b"1"),
        ("SYSLOG_IDENTIFIER", b"aod"),
        ("AOD_ANOMALY", text.encode()),
    ]


@pytest.mark.parametrize(
    "name", ["PRIORITY", "_PID", "AOD_", "aod_x", "AOD_X\nPRIORITY", "AOD_X=", "AOD_" + "X" * 61]
)
def test_no_field_but_ours_is_sent(name: str) -> None:
    names = [field for field, _ in parse(systemd.journal_entry("text", 6, {name: "0"}))]
    assert names == ["MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER"]


def test_the_number_of_fields_is_bounded() -> None:
    many = {f"AOD_{number}": number for number in range(1000)}
    assert len(parse(systemd.journal_entry("text", 6, many))) == 3 + systemd.MAX_FIELDS


def test_the_largest_entry_is_taken(journald: socket.socket) -> None:
    many = {f"AOD_{number}": "x" for number in range(systemd.MAX_FIELDS - 1)}
    fields = {"AOD_LONG": "y" * (10 << 20), **many}
    assert systemd.journal_send("x" * (10 << 20), 6, fields)
    received = dict(parse(journald.recv(1 << 20)))
    assert len(received["MESSAGE"]) == len(received["AOD_LONG"]) == systemd.MAX_VALUE_BYTES
    assert received["MESSAGE"].endswith(b"xx ... (cut)")


def test_text_that_is_no_unicode_is_sent_all_the_same() -> None:
    assert dict(parse(systemd.journal_entry("\udcff", 6, {})))["MESSAGE"] == b"?"


def test_what_journald_does_not_take_is_told(journald: socket.socket) -> None:
    taken = 0
    while systemd.journal_send(
        "text", 6, {}
    ):  # until its queue is full; a wait here would be for ever
        taken += 1
    assert taken
    journald.close()
    assert not systemd.journal_send("text", 6, {})
    os.unlink(systemd.JOURNAL_SOCKET)  # noqa: PTH108
    assert not systemd.journal_send("text", 6, {})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.settimeout(20)
        yield made


def test_assignments_arrive_as_lines_of_one_message(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    notify("READY=1", "STATUS=watching für immer")
    assert listener.recv(1000) == "READY=1\nSTATUS=watching für immer".encode()


def test_abstract_address(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    listener.bind("")  # the kernel chooses an abstract name
    monkeypatch.setenv("NOTIFY_SOCKET", "@" + listener.getsockname()[1:].decode())
    notify("WATCHDOG=1")
    assert listener.recv(1000) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "relative/nowhere", "/nowhere/at/all", "@nobody-listens"])
def test_nobody_listening_is_no_failure(
    address: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")
    assert capfd.readouterr() == ("", "")


def test_not_under_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    made: list[tuple[object, ...]] = []
    monkeypatch.setattr(socket, "socket", lambda *arguments: made.append(arguments))
    notify("READY=1")
    assert made == []


def test_listener_that_does_not_read_blocks_nobody(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    for _ in range(5000):  # more than net.unix.max_dgram_qlen anywhere
        notify("WATCHDOG=1")
    assert listener.recv(1000) == b"WATCHDOG=1"
