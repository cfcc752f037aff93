"""The cut: the right packets, in order, in a file that tcpdump reads."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.flight.cut import in_order, packets
from aod.flight.pcap import header, records
from tests.unit.packets import EN10MB, NS, message, packet, pcap, smb2

SECRET = b"SECRET-CONTENT-OF-A-FILE"
LONG_AGO = "0"


def times(contents: list[bytes], from_ns: int, to_ns: int) -> list[int]:
    found = packets(in_order(contents), from_ns, to_ns, headers_only=True)
    return [record.time_ns for record in found]


def cut(
    folder: Path, from_ns: int, to_ns: int, headers_only: str = "yes"
) -> subprocess.CompletedProcess[bytes]:
    program = [sys.executable, "-I", "-m", "aod.flight.cut"]
    words = [str(folder), LONG_AGO, str(from_ns), str(to_ns), headers_only]
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
    found = list(records(done.stdout, about))
    assert [one.time_ns for one in found] == [second * NS for second in range(105, 126)]
    assert done.returncode == 0
    assert b"21 packets" in done.stderr
    assert b"1970-01-01T00:01:40" in done.stderr


def test_a_ring_that_has_seen_no_packet_is_cut_to_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "ring.pcap00").write_bytes(b"")
    done = cut(tmp_path, 0, 10**18)
    about = header(done.stdout)
    assert about is not None
    assert list(records(done.stdout, about)) == []
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
    ]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert time.time_ns() >= trigger_ns + NS


def test_packets_of_several_processors_are_put_in_order() -> None:
    assert times([pcap([(5, b""), (3, b""), (4, b"")])], 0, 9) == [3, 4, 5]


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
