"""Notifications reach a real datagram socket; nobody listening is no failure."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.systemd import notify


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
def test_nobody_listening_is_no_failure(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


def test_not_under_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


def test_listener_that_does_not_read_blocks_nobody(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    for _ in range(5000):  # more than net.unix.max_dgram_qlen anywhere
        notify("WATCHDOG=1")
    assert listener.recv(1000) == b"WATCHDOG=1"
