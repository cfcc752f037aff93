"""tcpdump is kept alive, gives up its rights, and never outlives its parent. It is a real one."""

import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from aod.config.schema import Packets
from aod.flight import layered, packets, ring
from aod.flight.cut import in_order
from aod.flight.packets import PacketRing
from aod.flight.pcap import records
from aod.host import children

PATIENCE_SEC = 20.0
SMALL = Packets(ring_mb=4, snaplen=128)
LOG = logging.getLogger("test")


def may_capture() -> bool:
    """Root in a container may lack what a packet socket needs."""
    with suppress(OSError), socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM):
        return shutil.which("tcpdump") is not None
    return False


real = pytest.mark.skipif(not may_capture(), reason="needs tcpdump, and CAP_NET_RAW")


def wait_until(condition: Callable[[], object], one: PacketRing | None = None) -> None:
    deadline = time.monotonic() + PATIENCE_SEC
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        if one is not None:
            one.tick()
        time.sleep(0.02)


def pid(one: PacketRing) -> int | None:
    return one._popen.pid if one._popen else None


def try_to_connect() -> None:
    """Two packets on the loopback: a wish, and its refusal."""
    with socket.socket() as client:
        client.connect_ex(("127.0.0.1", 445))


def recorded(folder: Path) -> int:
    parts, _ = in_order(ring.contents(folder))
    return sum(1 for part in parts for one in records(part.content, part.about) if one)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "FIRST_DELAY_SEC", 0.05)


@pytest.fixture
def one(tmp_path: Path, fast: None) -> Iterator[PacketRing]:
    started = PacketRing(tmp_path / "packets", SMALL, LOG)
    yield started
    started.close()


@real
def test_what_passes_on_port_445_is_in_the_ring_without_being_asked_for(one: PacketRing) -> None:
    wait_until(lambda: one.is_recording, one)
    try_to_connect()
    wait_until(lambda: recorded(one.folder) >= 2, one)


@real
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_runs_as_a_user_of_its_own_with_one_capability(one: PacketRing) -> None:
    try:
        uid = pwd.getpwnam("tcpdump").pw_uid
    except KeyError:
        pytest.skip("this host has no user tcpdump")
    wait_until(lambda: one.is_recording, one)
    status = Path(f"/proc/{pid(one)}/status").read_text()
    assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n" in status
    for kind in ("Prm", "Eff", "Bnd", "Amb"):
        assert f"Cap{kind}:\t0000000000002000\n" in status
    assert "NoNewPrivs:\t1\n" in status
    assert os.getpriority(os.PRIO_PROCESS, pid(one) or 0) >= 10
    written = one.folder / "ring.pcap0"
    assert one.folder.stat().st_mode & 0o777 == 0o700
    assert (written.stat().st_uid, written.stat().st_mode & 0o777) == (uid, 0o600)


@real
def test_one_that_is_killed_comes_back_and_that_is_said_once(
    one: PacketRing, caplog: pytest.LogCaptureFixture
) -> None:
    for starts in (1, 2):
        wait_until(lambda: one.is_recording, one)
        assert one.starts == starts
        os.kill(pid(one) or 0, signal.SIGKILL)
        wait_until(lambda: pid(one) is None, one)
    wait_until(lambda: one.starts == 3, one)
    assert sum("no packets are recorded" in line for line in caplog.messages) == 1


@real
def test_it_reports_how_much_it_has_missed(
    one: PacketRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever records the loopback alone misses nothing; that the count is understood shows."""
    monkeypatch.setattr(packets, "ASK_INTERVAL_SEC", 0)
    wait_until(lambda: one.is_recording, one)
    one._dropped = -1
    wait_until(lambda: one.dropped >= 0, one)
    assert one._text.count("dropped by kernel") >= 1


def test_what_was_missed_is_counted_over_all_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: None
) -> None:
    """As tcpdump 4.99 writes it when it is asked, and when it ends."""
    says = "12 packets captured, 15 packets received by filter, %d packet%s dropped by kernel"
    answers = f"trap 'printf \"{says}\\n\" 2 s >&2' USR1"
    waits = "until rm ../end 2>/dev/null; do sleep 0.02; done"
    ends = f"printf '{says}\\n' 1 '' >&2"
    script = f"{answers}; echo listening on any >&2; {waits}; {ends}"
    monkeypatch.setattr(packets, "ASK_INTERVAL_SEC", 0)
    monkeypatch.setattr(packets, "command", lambda *_: ["sh", "-c", script])
    one = PacketRing(tmp_path / "packets", SMALL, LOG)
    try:
        wait_until(lambda: one.dropped == 2, one)
        (tmp_path / "end").touch()
        wait_until(lambda: pid(one) is None, one)
        assert one.dropped == 1  # the last word of the first one
        wait_until(lambda: one.dropped == 1 + 2, one)
    finally:
        one.close()


@real
def test_the_end_leaves_neither_process_nor_file(tmp_path: Path) -> None:
    one = PacketRing(tmp_path / "packets", SMALL, LOG)
    wait_until(lambda: one.is_recording, one)
    killed = pid(one)
    one.close()
    assert not Path(f"/proc/{killed}").exists()
    assert list(tmp_path.iterdir()) == []


@real
def test_a_killed_owner_takes_it_along_and_its_packets_stay(tmp_path: Path) -> None:
    folder = tmp_path / "packets"
    program = (
        "import logging, sys, time\nfrom pathlib import Path\n"
        "from aod.config.schema import Packets\nfrom aod.flight.packets import PacketRing\n"
        "settings = Packets(ring_mb=4, snaplen=128)\n"
        "one = PacketRing(Path(sys.argv[1]), settings, logging.getLogger())\n"
        "while True:\n    one.tick()\n    time.sleep(0.05)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(folder)]) as owner:
        try:
            wait_until((folder / "ring.pcap0").exists)
            assert len(list(children.writers(folder))) == 1
        finally:
            owner.kill()
    wait_until(lambda: not list(children.writers(folder)))
    assert (folder / "ring.pcap0").exists()


@real
def test_a_leftover_writer_is_ended_before_there_are_two(tmp_path: Path) -> None:
    folder = tmp_path / "packets"
    ring.prepare(folder, None)
    command = ["tcpdump", "-Z", "root", "-i", "lo", "-w", ring.NAME, "port", "445"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as leftover:
        wait_until(lambda: list(children.writers(folder)) == [leftover.pid])
        assert list(children.writers(tmp_path)) == []
        PacketRing(folder, SMALL, LOG)
        assert leftover.wait(PATIENCE_SEC) == -signal.SIGKILL


def test_what_cannot_start_is_tried_again_later_and_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fast: None
) -> None:
    monkeypatch.setattr(packets, "command", lambda *_: ["sh", "-c", "echo no way >&2; exit 3"])
    one = PacketRing(tmp_path / "packets", SMALL, LOG)
    wait_until(lambda: one.starts == 3, one)
    wait_until(lambda: pid(one) is None, one)
    assert one._delay_sec == pytest.approx(0.4)
    assert one._next_start > time.monotonic()
    assert [line for line in caplog.messages if "tcpdump" in line] == [
        "tcpdump: ended with status 3: no way; no packets are recorded until it runs again"
    ]


def test_it_still_records_when_it_has_said_much_since_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talks = "echo listening on any >&2; head -c 9000 /dev/zero | tr '\\0' x >&2; exec sleep 600"
    monkeypatch.setattr(packets, "command", lambda *_: ["sh", "-c", talks])
    one = PacketRing(tmp_path / "packets", SMALL, LOG)
    try:
        wait_until(lambda: len(one._text) == 4096 and "listening" not in one._text, one)
        assert one.is_recording
    finally:
        one.close()
    assert not one.is_recording


def test_no_folder_is_no_exception(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one = PacketRing(tmp_path / "missing" / "packets", SMALL, LOG)
    one.tick()
    one.tick()
    one.close()
    assert one.starts == 0
    assert "No such file" in caplog.text


def test_what_is_recorded_is_a_filter_of_ports_without_what_is_seen_above() -> None:
    shape = ring.shape(16, 512)
    assert packets.command(shape, None, (445,))[-1] == "(tcp port 445)"
    assert packets.command(shape, None, (445, 4455), {9, 3})[-1] == (
        "(tcp port 445 or tcp port 4455) and not ifindex 3 and not ifindex 9"
    )


@real
def test_what_passes_an_interface_that_is_left_out_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is again, when nothing above it shows it any more."""
    loopback = frozenset({socket.if_nametoindex("lo")})
    monkeypatch.setattr(layered, "below", lambda: loopback)
    monkeypatch.setattr(layered, "alone", lambda _: False)
    one = PacketRing(tmp_path / "packets", SMALL, LOG)
    try:
        wait_until(lambda: one.is_recording, one)
        try_to_connect()
        monkeypatch.setattr(packets, "ASK_INTERVAL_SEC", 0)
        # Not a packet: its counter, asked for later, shows that the filter has seen none.
        wait_until(lambda: "0 packets received by filter" in one._text, one)
        monkeypatch.setattr(layered, "below", frozenset[int])
        monkeypatch.setattr(layered, "alone", bool)
        wait_until(lambda: one.starts == 2 and one.is_recording, one)
        try_to_connect()
        wait_until(lambda: recorded(one.folder) >= 2, one)
        wait_until(lambda: one.counters()["packets_reach_sec"] >= 1, one)
    finally:
        one.close()


def test_a_libpcap_that_knows_no_interfaces_records_them_all(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(layered, "below", lambda: frozenset({3}))

    def command(_shape: object, _owner: object, _ports: object, left_out: object) -> list[str]:
        refuses = "echo syntax error in filter expression >&2; exit 1"
        return ["sh", "-c", refuses if left_out else "echo listening on any >&2; sleep 60"]

    monkeypatch.setattr(packets, "command", command)
    one = PacketRing(tmp_path / "packets", SMALL, LOG)
    try:
        wait_until(lambda: one.is_recording, one)
        assert one.starts == 2
        assert not caplog.messages
    finally:
        one.close()


def test_who_has_no_user_to_become_stays_what_it_is() -> None:
    shape = ring.shape(16, 512)
    assert "-Z" in packets.command(shape, None, (445,))
    dropping = packets.command(shape, (102, 105), (445,))
    assert "-Z" not in dropping
    assert {"--reuid=102", "--regid=105", "--clear-groups"} <= set(dropping)
