"""The cut: the right packets, in order, in a file that tcpdump reads."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.flight.cut import cut as cut_out
from aod.flight.cut import in_order
from aod.flight.pcap import all_records, header
from tests.unit.packets import (
    EN10MB,
    IPV4,
    NS,
    SLL2,
    ipv4,
    link,
    message,
    packet,
    pcap,
    smb2,
    tcp,
)

SECRET = b"SECRET-CONTENT-OF-A-FILE"
LONG_AGO = "0"


def times(contents: list[bytes], from_ns: int, to_ns: int) -> list[int]:
    parts, _ = in_order(contents)
    found = cut_out(parts, from_ns, to_ns, (445,), headers_only=True)
    return [record.time_ns for record in found.packets]


def cut(
    folder: Path, from_ns: int, to_ns: int, headers_only: str = "yes"
) -> subprocess.CompletedProcess[bytes]:
    program = [sys.executable, "-I", "-m", "aod.flight.cut"]
    words = [str(folder), LONG_AGO, str(from_ns), str(to_ns), headers_only, "445"]
    return subprocess.run([*program, *words], capture_output=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ring whose writer is in its third round, and in the middle of a packet."""
    now = [
        (second * NS, packet(message(smb2(second, SECRET)), second * 200))
        for second in range(100, 130)
    ]
    (tmp_path / "ring.pcap0").write_bytes(pcap(now[20:])[:-5])
    (tmp_path / "ring.pcap1").write_bytes(pcap(now[:10]))
    (tmp_path / "ring.pcap2").write_bytes(pcap(now[10:20]))
    (tmp_path / "ring.pcap3").write_bytes(b"")
    return tmp_path


def test_the_cut_has_the_packets_of_the_window_in_order(folder: Path) -> None:
    done = cut(folder, 105 * NS, 125 * NS)
    about = header(done.stdout)
    assert about is not None
    found = list(all_records(done.stdout, about))
    assert [one.time_ns for one in found] == [second * NS for second in range(105, 126)]
    assert done.returncode == 0
    assert b"21 packets" in done.stderr
    assert b"1970-01-01T00:01:40" in done.stderr


def test_a_ring_that_has_seen_no_packet_is_cut_to_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "ring.pcap00").write_bytes(b"")
    done = cut(tmp_path, 0, 10**18)
    about = header(done.stdout)
    assert about is not None
    assert list(all_records(done.stdout, about)) == []
    assert (done.returncode, done.stderr) == (0, b"the ring has seen no packets\n")


def test_content_is_there_only_when_it_is_asked_for(folder: Path) -> None:
    assert SECRET not in cut(folder, 0, 10**18).stdout
    assert SECRET in cut(folder, 0, 10**18, "no").stdout


def test_tcpdump_reads_the_cut(folder: Path) -> None:
    tcpdump = shutil.which("tcpdump")
    if tcpdump is None:
        pytest.skip("tcpdump is not installed")
    (folder / "cut.pcap").write_bytes(cut(folder, 0, 10**18).stdout)
    told = subprocess.run(
        [tcpdump, "-nr", folder / "cut.pcap"], capture_output=True, text=True, check=True
    )
    assert told.stdout.count(".445: Flags [P.]") == 29


def test_without_a_ring_it_says_so(tmp_path: Path) -> None:
    done = cut(tmp_path, 0, 10**18)
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"is tcpdump running?" in done.stderr


def test_right_after_a_trigger_it_waits_for_what_the_kernel_holds_back(folder: Path) -> None:
    trigger_ns = time.time_ns()
    program = [
        sys.executable,
        "-I",
        "-m",
        "aod.flight.cut",
        str(folder),
        str(trigger_ns),
        "0",
        "1",
        "yes",
        "445",
    ]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert time.time_ns() >= trigger_ns + NS


def test_packets_of_several_processors_are_put_in_order() -> None:
    assert times([pcap([(5, b""), (3, b""), (4, b"")])], 0, 9) == [3, 4, 5]


def told(folder: Path, trigger_ns: int, from_ns: int) -> str:
    words = [str(folder), str(trigger_ns), str(from_ns), str(1 << 62), "yes", "445"]
    done = subprocess.run(
        [sys.executable, "-I", "-m", "aod.flight.cut", *words], capture_output=True, check=True
    )
    return done.stderr.decode()


def test_a_ring_that_is_shorter_than_the_history_says_so(folder: Path) -> None:
    """Its oldest packet is of second 100, and what was before has been overwritten."""
    assert "the ring reaches back 29.0 s of the 60 s before the trigger" in told(
        folder, 129 * NS, 69 * NS
    )
    assert "reaches" not in told(folder, 129 * NS, 100 * NS)


def test_a_ring_that_was_never_full_has_lost_nothing(tmp_path: Path) -> None:
    for number in range(3):
        content = pcap([(number * NS + NS, packet(b""))])
        (tmp_path / f"ring.pcap{number}").write_bytes(content)
    assert told(tmp_path, 61 * NS, 0) == "3 packets; the ring begins 1970-01-01T00:00:01+00:00\n"


def test_what_was_seen_on_two_interfaces_is_there_once_and_that_is_said(tmp_path: Path) -> None:
    seen = [packet(message(smb2(mid, SECRET)), mid * 200) for mid in range(1, 101)]
    above = [one[:4] + b"\0\0\0\7" + one[8:] for one in seen]
    both = [(at * NS, one) for at, pair in enumerate(zip(seen, above, strict=True)) for one in pair]
    (tmp_path / "ring.pcap0").write_bytes(pcap(both))
    done = cut(tmp_path, 0, 10**18)
    about = header(done.stdout)
    assert about is not None
    found = [one.data for one in all_records(done.stdout, about)]
    assert found == [one[: -len(SECRET)] for one in seen]
    assert done.stderr.startswith(b"100 packets, without 100 copies seen on another interface")


def test_a_damaged_file_is_counted_and_read_on(tmp_path: Path) -> None:
    content = bytearray(pcap([(number * NS, packet(b"")) for number in range(1, 101)]))
    size = (len(content) - 24) // 100
    content[24 + 50 * size + 8 : 24 + 50 * size + 12] = b"\xff" * 4
    (tmp_path / "ring.pcap0").write_bytes(bytes(content))
    (tmp_path / "ring.pcap1").write_bytes(b"no file of packets" * 9)
    assert told(tmp_path, 0, 0).startswith(
        "99 packets; the ring is damaged in 2 places: packets are lost there"
    )


def test_packets_of_another_port_keep_their_headers_where_it_is_named(tmp_path: Path) -> None:
    segment = tcp(message(smb2(1, SECRET)), ports=(40000, 4455))
    whole = link(SLL2, IPV4, ipv4(segment))
    parts, _ = in_order([pcap([(1, whole)])])
    for ports, kept in (((445, 4455), len(SECRET)), ((445,), len(SECRET) + 68)):
        found = cut_out(parts, 0, 9, ports, headers_only=True)
        assert [one.data for one in found.packets] == [whole[:-kept]]


def test_a_message_that_is_sent_again_does_not_hide_the_last_one() -> None:
    first, second = message(smb2(1, SECRET)), message(smb2(2, SECRET * 40))
    third = message(smb2(3))
    begins, rest = len(first) + 1, len(second) - 600
    sent = [
        packet(first, 1),
        packet(second[:600], begins),
        packet(first, 1),
        packet(second[600:] + third, begins + 600),
    ]
    parts, _ = in_order([pcap(list(enumerate(sent)), snaplen=4096)])
    found = cut_out(parts, 0, 9, (445,), headers_only=True).packets
    assert found[3].data.endswith(bytes(rest) + third)


def test_files_of_another_link_are_left_out() -> None:
    assert times([pcap([(1, b"")], EN10MB), pcap([(2, b"")])], 0, 9) == [2]


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=100),
            st.binary(max_size=100).map(lambda rest: pcap([(1, b"x")]) + rest),
        )
    )
)
def test_whatever_lies_in_the_ring_is_survived(contents: list[bytes]) -> None:
    found = times(contents, 0, 1 << 63)
    assert found == sorted(found)
