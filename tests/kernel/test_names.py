"""Names of shares and servers: from the kernel's map into the runtime folder."""

import logging
import select
from pathlib import Path

import pytest

from aod._native import lib
from aod.kernel import peer_source
from aod.kernel.client_files import ProcCifs
from aod.kernel.peer_source import Peers
from aod.kernel.reader_lock import take
from aod.smb.peers import FILE, Names
from tests.rig.ring import Rig

SHARE, SERVER = lib.AOD_NAME_SHARE, lib.AOD_NAME_SERVER
DATA = Path(__file__).resolve().parents[1] / "unit" / "data"
DEBUGDATA = DATA / "debugdata-6.1.txt"
CHANNELS = DATA / "debugdata-channels-6.1.txt"
MAX_U64, MAX_U32 = 2**64 - 1, 2**32 - 1


@pytest.fixture
def peers(rig: Rig, tmp_path: Path) -> Peers:
    return Peers(rig.tracer, logging.getLogger("test"), tmp_path, ProcCifs.AUTO)


def _tick_until_read(peers: Peers) -> None:
    while reading := peers._reading:
        if reading.output:
            select.select([reading.output], [], [], 600)
        peers.update()


def test_kernel_tells_shares_and_servers(rig: Rig) -> None:
    rig.producer.name(SHARE, rb"\\server\share", number=MAX_U64, tree=MAX_U32)
    rig.producer.name(SHARE, rb"\\server\other", number=MAX_U64, tree=1)
    rig.producer.name(SERVER, b"server", number=1)
    assert rig.tracer.names() == Names(
        shares={(MAX_U64, MAX_U32): r"\\server\share", (MAX_U64, 1): r"\\server\other"},
        servers={1: "server"},
    )


def test_every_name_moves_the_counter_and_no_name_does_not(rig: Rig) -> None:
    before = rig.tracer.names_changed
    rig.producer.name(SERVER, b"server")
    rig.producer.name(SERVER, b"renamed")
    assert rig.tracer.names_changed == before + 2
    rig.producer.name(SERVER, b"")
    assert rig.tracer.names_changed == before + 2
    assert rig.tracer.names().servers == {1: "renamed"}


def test_name_is_cut_and_made_printable(rig: Rig) -> None:
    rig.producer.name(SERVER, b"x" * 95)
    rig.producer.name(SHARE, b"a\nb\x1b\xff")
    assert rig.tracer.names().server(1) == "x" * 95
    assert rig.tracer.names().share(1, 0) == "a?b?\N{REPLACEMENT CHARACTER}"


def test_host_without_a_number_gets_the_same_one_every_time(rig: Rig) -> None:
    for host in (b"one", b"two", b"one", b"a-much-longer-name.of.a.server.in.a.domain.example"):
        rig.producer.name(SERVER, host, number=0)
    found = rig.tracer.names().servers
    assert sorted(found.values()) == [
        "a-much-longer-name.of.a.server.in.a.domain.example",
        "one",
        "two",
    ]
    assert min(found) > MAX_U32  # never the number of a connection


def test_tree_has_the_number_that_the_answer_gave_it(rig: Rig) -> None:
    rig.producer.connect_tree(100, 7, 55)
    rig.producer.name(SHARE, rb"\\server\new", number=7, tree=0, thread=100)
    rig.producer.name(SHARE, rb"\\server\other", number=7, tree=44, thread=200)
    rig.producer.name(SHARE, rb"\\server\elsewhere", number=8, tree=33, thread=100)
    assert rig.tracer.names().shares == {
        (7, 55): r"\\server\new",
        (7, 44): r"\\server\other",
        (8, 33): r"\\server\elsewhere",
    }


def test_name_that_the_kernel_told_is_not_replaced(rig: Rig) -> None:
    rig.producer.name(SHARE, rb"\\server\early", number=7, tree=1)
    rig.tracer.add_names(Names({(7, 1): r"\\server\read", (7, 2): r"\\server\new"}))
    assert rig.tracer.names().shares == {(7, 1): r"\\server\early", (7, 2): r"\\server\new"}


def test_long_name_is_cut_to_what_the_map_holds(rig: Rig) -> None:
    rig.tracer.add_names(Names({(7, 1): "\\\\" + "x" * 200}))
    assert rig.tracer.names().share(7, 1) == "\\\\" + "x" * 93


def test_what_was_mounted_before_is_in_the_file(peers: Peers, tmp_path: Path) -> None:
    peers.look_at_mounts(DEBUGDATA)
    _tick_until_read(peers)
    found = FILE.read(tmp_path)
    assert found.share(0xEBD99EB, 0x88A0D99) == r"\\127.0.0.1\share"
    assert found.server(2) == "localhost"
    assert (len(found.shares), len(found.servers)) == (5, 2)


def test_file_is_written_again_when_a_name_is_new_and_only_then(
    rig: Rig, peers: Peers, tmp_path: Path
) -> None:
    peers.update()
    first = (tmp_path / FILE.name).stat().st_ino
    peers.update()
    assert (tmp_path / FILE.name).stat().st_ino == first
    rig.producer.name(SERVER, b"server")
    peers.update()
    assert FILE.read(tmp_path).server(1) == "server"


def test_successor_of_a_collector_knows_the_names(rig: Rig, peers: Peers, tmp_path: Path) -> None:
    rig.producer.name(SERVER, b"server")
    peers.update()
    (tmp_path / FILE.name).unlink()
    Peers(rig.tracer, logging.getLogger("test"), tmp_path, ProcCifs.AUTO).update()
    assert FILE.read(tmp_path).server(1) == "server"


def test_folder_that_is_gone_is_said_and_stops_nothing(
    rig: Rig, peers: Peers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    peers._runtime_dir = tmp_path / "none"
    peers.update()
    peers.update()
    assert caplog.text.count("cannot be written") == 1


def test_channels_of_a_session_that_is_new_are_found(
    rig: Rig, peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount makes its first connection, whose share is traced, and then the others."""
    monkeypatch.setattr(peer_source, "SETTLE_SEC", 0)
    monkeypatch.setattr(peer_source, "AGAIN_SEC", 0)
    (tmp_path / "DebugData").write_text("")
    peers.look_at_mounts(tmp_path / "DebugData")
    _tick_until_read(peers)
    (tmp_path / "DebugData").write_text(CHANNELS.read_text())
    rig.producer.name(SHARE, rb"\\127.0.0.1\share", number=0x2E936820, tree=0xF5A56A69)
    peers.update()
    peers.update()
    _tick_until_read(peers)
    assert FILE.read(tmp_path).servers == dict.fromkeys((1, 2, 3), "127.0.0.1")
    peers.update()
    assert peers._reading is None  # all its sessions are known


def test_sessions_that_come_and_go_are_not_looked_at_all_the_time(
    rig: Rig, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_source, "SETTLE_SEC", 0)
    peers.look_at_mounts(DEBUGDATA)
    _tick_until_read(peers)
    for session in range(100, 110):
        rig.producer.name(SHARE, rb"\\server\share", number=session, tree=1)
        peers.update()
        assert peers._reading is None


def test_what_may_not_be_read_is_not(
    rig: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    peers = Peers(rig.tracer, logging.getLogger("test"), tmp_path, ProcCifs.NEVER)
    peers.look_at_mounts(DEBUGDATA)
    assert peers._reading is None
    assert "not read: capture.proc_cifs is never" in caplog.text
    assert FILE.read(tmp_path) == Names()


def test_who_found_it_busy_looks_again(
    peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(peer_source, "PATIENCE_SEC", 0)
    monkeypatch.setattr(peer_source, "AGAIN_SEC", 0)
    turn = take(tmp_path)
    assert turn is not None
    peers.look_at_mounts(DEBUGDATA)
    peers.update()
    assert "not read: an earlier reader" in caplog.text
    turn.give_back()
    monkeypatch.setattr(peer_source, "PATIENCE_SEC", 600)
    peers.update()
    _tick_until_read(peers)
    assert FILE.read(tmp_path).server(2) == "localhost"
