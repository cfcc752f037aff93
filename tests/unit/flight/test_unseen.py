"""Shares whose packets are not recorded are named, and others are not."""

import sys
from pathlib import Path

import pytest

from aod.flight import unseen
from aod.flight.unseen import Server, connections, mounted, sentences

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid"


def mount(options: str, source: str = "//nas/data", kind: str = "cifs") -> str:
    return f"52 28 0:38 / /mnt/a rw,relatime - {kind} {source} rw,vers=3.1.1,{options}"


def connection(address: bytes, port: int, state: str = "01", local_port: int = 50000) -> str:
    """A line of /proc/net/tcp, as this processor would have it."""
    words = (address[at : at + 4] for at in range(0, len(address), 4))
    remote = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
    return f"   0: 0100007F:{local_port:04X} {remote}:{port:04X} {state} 0:0 02:0 0 0 0 23"


NAS = bytes((192, 0, 2, 7))
V6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\7"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(unseen, "_MOUNTINFO", tmp_path / "mountinfo")
    monkeypatch.setattr(unseen, "_CONNECTIONS", (tmp_path / "tcp", tmp_path / "tcp6"))
    return tmp_path


def said(host: Path, mounts: list[str], connected: list[str]) -> list[str]:
    (host / "mountinfo").write_text("\n".join(mounts))
    (host / "tcp").write_text("\n".join([HEAD, *connected]))
    return list(sentences((445,)))


def test_servers_are_those_of_the_mounted_shares() -> None:
    lines = [
        "28 1 0:24 / / rw - ext4 /dev/vda1 rw,addr=192.0.2.9",
        mount("srcaddr=192.0.2.1,addr=192.0.2.7,rdma,file_mode=0755"),
        mount("addr=192.0.2.8,soft", "//nas/My Secret Share", "smb3"),
        mount("addr=fe80:0000:0000:0000:0000:0000:0000:0007%2,soft"),
        mount("soft"),
        "rubbish - cifs ",
    ]
    expected = [Server("192.0.2.7", True), Server("192.0.2.8", False), Server("fe80::7", False)]
    assert list(mounted(lines)) == expected


def test_connections_are_those_that_stand() -> None:
    mapped = bytes(10) + b"\xff\xff" + NAS
    lines = [
        HEAD,
        connection(NAS, 445),
        connection(mapped, 4455),
        connection(V6, 445),
        connection(NAS, 22, state="06"),
        "rubbish",
        "a b:1 zz:1 01",
        "a b c 0A",
        connection(NAS, 48104, local_port=4455),
        connection(bytes(4), 0, state="0A", local_port=4455),
    ]
    assert connections(lines) == {"192.0.2.7": {445, 4455}, "2001:db8::7": {445}}


def test_a_share_on_another_port_is_named(host: Path) -> None:
    (told,) = said(host, [mount("addr=192.0.2.7")], [connection(NAS, 4455)])
    assert told == (
        "no connection to 192.0.2.7 port 4455 is recorded: if a share is there, add the port to"
        " capture.tcpdump.ports"
    )


@pytest.mark.parametrize(
    "connected",
    [[connection(NAS, 445)], [connection(NAS, 445), connection(NAS, 22)], [], [connection(V6, 9)]],
    ids=["usual", "others, too", "none now", "others only"],
)
def test_nothing_is_said_of_the_usual(host: Path, connected: list[str]) -> None:
    assert said(host, [mount("addr=192.0.2.7")], connected) == []


def test_shares_over_rdma_are_named_at_most_a_few(host: Path) -> None:
    mounts = [mount(f"addr=192.0.2.{number},rdma") for number in range(1, 7)]
    (told,) = said(host, mounts, [connection(NAS, 4455)])
    assert told == (
        "mounted with rdma (SMB Direct), so that tcpdump sees no packets: 192.0.2.1, 192.0.2.2,"
        " 192.0.2.3, 192.0.2.4 and 2 more"
    )


def test_files_that_are_not_there_say_nothing(host: Path) -> None:
    assert list(sentences((445,))) == []
