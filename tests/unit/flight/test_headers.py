"""Content of files never passes, whatever the bytes; the headers do."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.flight.headers import HeadersOnly
from aod.flight.layers import dissect
from tests.unit.packets import (
    EN10MB,
    IPV4,
    IPV6,
    LINKS,
    SLL2,
    ipv4,
    ipv6,
    link,
    message,
    packet,
    smb2,
    tcp,
)

SECRET = b"SECRET-CONTENT-OF-A-FILE"


def reduce(*packets: bytes, link_type: int = SLL2) -> list[bytes]:
    reducer = HeadersOnly()
    return [reducer.reduce(one, *dissect(one, link_type, (445,))) for one in packets]


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("version", [4, 6])
def test_a_request_keeps_its_headers_and_loses_its_body(kind: int, version: int) -> None:
    payload = message(smb2(77, SECRET))
    segment = tcp(payload)
    inner = (IPV4, ipv4(segment)) if version == 4 else (IPV6, ipv6(segment))
    whole = link(kind, *inner)
    (reduced,) = reduce(whole, link_type=kind)
    assert reduced == whole[: len(whole) - len(SECRET)]


def test_vlan_tags_are_understood() -> None:
    whole = link(EN10MB, IPV4, ipv4(tcp(message(smb2(1, SECRET)))), vlans=2)
    (reduced,) = reduce(whole, link_type=EN10MB)
    assert reduced == whole[: len(whole) - len(SECRET)]


def test_a_compound_keeps_each_header_and_zeros_between() -> None:
    first = smb2(1, SECRET, following=64 + len(SECRET))
    whole = packet(message(first, smb2(2, SECRET)))
    (reduced,) = reduce(whole)
    assert reduced == whole.replace(SECRET, bytes(len(SECRET)))[: len(whole) - len(SECRET)]


@pytest.mark.parametrize(
    ("command", "flags", "offset", "is_kept"),
    [(17, 0, 96, True), (17, 1, 96, False), (16, 0, 96, False), (17, 0, 97, False)],
    ids=["request", "answer", "other command", "other number"],
)
def test_of_a_set_info_in_a_compound_the_offset_stays_as_tshark_fails_without(
    command: int, flags: int, offset: int, is_kept: bool
) -> None:
    body = SECRET[:8] + offset.to_bytes(2, "little") + SECRET[:22]
    head = bytearray(smb2(1, following=96))
    head[12:20] = struct.pack("<HHI", command, 0, flags)
    whole = packet(message(bytes(head) + body, smb2(2, SECRET)))
    (reduced,) = reduce(whole)
    zeros = bytearray(32)
    if is_kept:
        zeros[8:10] = body[8:10]
    assert reduced == whole.replace(body, bytes(zeros))[: len(whole) - len(SECRET)]


def test_messages_that_share_a_segment_all_keep_their_headers() -> None:
    whole = packet(message(smb2(1, SECRET)) + message(smb2(2, SECRET)))
    (reduced,) = reduce(whole)
    assert reduced == whole.replace(SECRET, bytes(len(SECRET)))[: len(whole) - len(SECRET)]


@pytest.mark.parametrize(("magic", "kept"), [(b"\xfdSMB", 52), (b"\xfcSMB", 16)])
def test_of_what_is_encrypted_or_compressed_only_the_first_header_stays(
    magic: bytes, kept: int
) -> None:
    whole = packet(message(magic + b"h" * (kept - 4) + SECRET))
    (reduced,) = reduce(whole)
    assert reduced == whole[: len(whole) - len(SECRET)]


def test_a_segment_in_the_middle_of_a_message_loses_all_even_if_it_looks_like_one() -> None:
    disguised = message(smb2(666, SECRET))
    begin = message(smb2(1, bytes(1000) + disguised))[:500]
    rest = message(smb2(1, bytes(1000) + disguised))[500 : -len(disguised)]
    packets = [packet(begin, 1), packet(rest, 501), packet(disguised, 501 + len(rest))]
    _, middle, last = reduce(*packets)
    assert middle == packets[1][: -len(rest)]
    assert last == packets[2][: -len(disguised)]


def test_a_message_that_begins_behind_the_end_of_another_is_found() -> None:
    large, small = message(smb2(1, SECRET * 40)), message(smb2(2, SECRET))
    stream = large + small
    packets = [packet(stream[:600], 1), packet(stream[600:], 601)]
    _, last = reduce(*packets)
    head = len(packets[1]) - len(stream[600:])
    tail = len(large) - 600
    assert last == packets[1][:head] + bytes(tail) + small[: -len(SECRET)]


def test_a_packet_seen_twice_keeps_its_headers_twice() -> None:
    """On a bridge and on the card behind it."""
    once = packet(message(smb2(1, SECRET)))
    first, second = reduce(once, once)
    assert first == second


def test_sequence_numbers_wrap() -> None:
    stream = message(smb2(1, SECRET * 10)) + message(smb2(2))
    start = (1 << 32) - 100
    packets = [packet(stream[:150], start), packet(stream[150:], 50)]
    _, last = reduce(*packets)
    assert last.endswith(message(smb2(2)))


def test_a_new_connection_with_the_same_ports_begins_anew() -> None:
    long = message(smb2(1, bytes(100_000)))[:400]
    packets = [packet(long, 1), packet(b"", 20, flags=2), packet(message(smb2(2)), 21)]
    assert reduce(*packets)[2] == packets[2]


@pytest.mark.parametrize(
    "whole",
    [
        packet(SECRET),
        link(SLL2, IPV4, ipv4(tcp(message(smb2(1)), ports=(1, 2)))),
        link(SLL2, IPV4, ipv4(SECRET, protocol=17)),
        link(SLL2, IPV4, ipv4(SECRET, fragment=9)),
        link(SLL2, IPV6, ipv6(SECRET, protocol=0)),
        link(SLL2, 0x1234, SECRET),
        packet(b"\0\0\0\x20\xffSMB" + SECRET),
        packet(b"\x85\0\0\x44" + smb2(1, SECRET)),
    ],
    ids=["text", "port", "udp", "fragment", "extension", "ethertype", "smb1", "netbios"],
)
def test_what_is_not_understood_is_cut_off(whole: bytes) -> None:
    (reduced,) = reduce(whole)
    assert whole.startswith(reduced)
    assert SECRET not in reduced
    assert b"SMB" not in reduced


def test_a_link_type_that_is_not_known_leaves_nothing() -> None:
    assert reduce(packet(SECRET), link_type=147) == [b""]


def test_padding_behind_the_packet_is_cut_off() -> None:
    whole = link(EN10MB, IPV4, ipv4(tcp(b""))) + SECRET
    assert reduce(whole, link_type=EN10MB) == [whole[: -len(SECRET)]]


@given(st.lists(st.binary(max_size=300), max_size=5), st.sampled_from([*LINKS, 12, 228, 147]))
def test_any_bytes_come_out_as_they_were_or_as_zeros(packets: list[bytes], kind: int) -> None:
    for before, after in zip(packets, reduce(*packets, link_type=kind), strict=True):
        assert len(after) <= len(before)
        assert all(new in (old, 0) for old, new in zip(before, after, strict=False))


@given(
    st.lists(
        st.tuples(
            st.integers(0, (1 << 32) - 1),
            st.lists(
                st.one_of(
                    st.binary(max_size=80),
                    st.builds(
                        lambda mid, body: message(smb2(mid, body)),
                        st.integers(0, 99),
                        st.binary(max_size=80),
                    ),
                ),
                max_size=4,
            ),
            st.integers(0, 500),
        ),
        max_size=6,
    )
)
def test_never_more_than_headers_come_out_of_segments(
    segments: list[tuple[int, list[bytes], int]],
) -> None:
    """Each byte behind TCP's header is zero, or within 68 bytes from a message's mark."""
    packets = [packet(b"".join(parts), seq)[:cut] for seq, parts, cut in segments]
    for before, after in zip(packets, reduce(*packets), strict=True):
        headers = 20 + 20 + 32
        for at in range(headers, len(after)):
            mark = before.rfind(b"\xfeSMB", headers, min(at + 8, len(before)))
            assert after[at] == 0 or -4 <= at - mark < 64


@given(st.integers(0, 200))
def test_a_packet_cut_anywhere_is_a_beginning_of_the_whole_one(cut: int) -> None:
    whole = packet(message(smb2(1, SECRET, following=88), smb2(2, SECRET)))
    (reduced,) = reduce(whole[:cut])
    (all_of_it,) = reduce(whole)
    assert all_of_it.startswith(reduced)
