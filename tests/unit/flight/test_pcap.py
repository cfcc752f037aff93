"""The pcap format: what is written can be read, and bytes of any kind do no harm."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.flight.pcap import Header, Packet, encode, encode_header, first_ns, header, records
from tests.unit.packets import SLL2, pcap

ABOUT = Header("<", 1, 512, SLL2)


def read(content: bytes, *span: int) -> list[Packet]:
    about = header(content)
    assert about is not None
    return list(records(content, about, *span))


@given(st.lists(st.tuples(st.integers(0, (1 << 32) * 10**9 - 1), st.binary(max_size=500))))
def test_what_was_written_is_read(packets: list[tuple[int, bytes]]) -> None:
    found = read(pcap(packets))
    assert [(one.time_ns, one.data) for one in found] == packets


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("magic", "fraction_ns"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_both_byte_orders_and_both_clocks(order: str, magic: int, fraction_ns: int) -> None:
    head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 96, SLL2)
    content = head + struct.pack(order + "IIII", 7, 5, 3, 9) + b"abc"
    assert read(content) == [Packet(7 * 10**9 + 5 * fraction_ns, b"abc", 9)]


def test_a_packet_that_is_half_written_is_left_out() -> None:
    content = pcap([(1, b"one"), (2, b"two")])
    for cut in range(1, 19):
        assert [one.data for one in read(content[:-cut])] == [b"one"]


def test_only_the_packets_of_the_time_that_was_asked_for() -> None:
    content = pcap([(time_ns, b"x") for time_ns in range(10)])
    assert [one.time_ns for one in read(content, 3, 5)] == [3, 4, 5]


def test_lengths_that_cannot_be_end_the_reading() -> None:
    too_long = encode(Packet(1, bytes(513), 513))
    more_than_there_was = encode(Packet(1, b"abc", 2))
    for wrong in (too_long, more_than_there_was):
        assert read(encode_header(ABOUT) + wrong + encode(Packet(2, b"", 0))) == []


def test_the_first_packets_time() -> None:
    assert first_ns(pcap([(5, b""), (6, b"")]), ABOUT) == 5
    assert first_ns(pcap([]), ABOUT) is None


def test_another_kind_of_file_has_no_header() -> None:
    assert header(b"") is None
    assert header(bytes(100)) is None


@given(st.binary(max_size=200))
def test_any_bytes_behind_a_header_can_be_read(rest: bytes) -> None:
    found = read(encode_header(ABOUT) + rest)
    assert sum(len(one.data) + 16 for one in found) <= len(rest)
