"""The pcap format: what is written can be read, and bytes of any kind do no harm."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.flight.pcap import (
    Header,
    Packet,
    PcapError,
    all_records,
    encode,
    encode_header,
    first_ns,
    header,
    records,
)
from tests.unit.packets import NS, SLL2, pcap

ABOUT = Header("<", 1, 512, SLL2)


def read(content: bytes, *span: int) -> list[Packet]:
    about = header(content)
    assert about is not None
    return [one for one in records(content, about, *span) if one]


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


@pytest.mark.parametrize("wrong", ["longest", "longer", "more"])
def test_what_is_behind_a_damaged_record_is_found_again(wrong: str) -> None:
    kept, wire = {"longest": (0xFFFFFFFF, 60), "longer": (513, 600), "more": (60, 59)}[wrong]
    packets = [Packet(number * NS, bytes([number]) * 60, 60) for number in range(1, 101)]
    encoded = [encode(one) for one in packets]
    encoded[50] = encoded[50][:8] + struct.pack("<II", kept, wire) + encoded[50][16:]
    content = encode_header(ABOUT) + b"".join(encoded)
    assert list(records(content, ABOUT)) == [*packets[:50], None, *packets[51:]]
    with pytest.raises(PcapError):
        list(all_records(content, ABOUT))


@pytest.mark.parametrize("size", [1, 15, 1000, 60_000])
def test_rubbish_in_the_middle_is_one_damage(size: int) -> None:
    before, after = Packet(5 * NS, b"before", 6), [Packet(6 * NS, b"after", 5)] * 2
    rubbish = (b"\xff" + bytes(range(1, 255)) * 300)[:size]
    content = encode_header(ABOUT) + encode(before) + rubbish + b"".join(map(encode, after))
    assert list(records(content, ABOUT)) == [before, None, *after]


def test_a_file_that_is_rubbish_to_its_end_is_given_up() -> None:
    content = encode_header(ABOUT) + b"\xff" * 1_000_000
    assert list(records(content, ABOUT)) == [None]


def test_a_record_of_another_day_is_not_believed_behind_a_damage() -> None:
    now, then = 10**6, 10**4
    content = encode_header(ABOUT) + encode(Packet(now * NS, b"x", 1)) + b"\xff" * 16
    behind = [encode(Packet(sec * NS, b"y", 1)) for sec in (then, then, now + 1, now + 2)]
    found = list(records(content + b"".join(behind), ABOUT))
    assert [one and one.time_ns // NS for one in found] == [now, None, now + 1, now + 2]


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
