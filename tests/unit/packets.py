"""Packets of SMB over TCP, and pcap files of them, built byte by byte."""

import struct
from collections.abc import Iterable
from typing import Final

from aod.flight.layers import dissect, network
from aod.flight.pcap import Header, Packet, encode, encode_header

EN10MB: Final = 1
SLL: Final = 113
SLL2: Final = 276
RAW: Final = 101
NULL: Final = 0
IPV4: Final = 0x0800
IPV6: Final = 0x86DD
LINKS: Final = (EN10MB, SLL, SLL2, RAW, NULL)
NS: Final = 10**9


def smb2(mid: int, body: bytes = b"", following: int = 0) -> bytes:
    """A request or answer; `following` is its NextCommand."""
    head = b"\xfeSMB" + struct.pack("<H", 64) + bytes(14)
    return head + struct.pack("<IQ", following, mid) + b"\x5a" * 32 + body


def message(*parts: bytes) -> bytes:
    """With the length in front, as TCP carries it."""
    content = b"".join(parts)
    return b"\0" + len(content).to_bytes(3) + content


def tcp(
    payload: bytes, seq: int = 1, flags: int = 0x18, ports: tuple[int, int] = (40000, 445)
) -> bytes:
    """A segment with 12 bytes of options."""
    return (
        struct.pack(">HHIIBBHHH", *ports, seq, 7, 8 << 4, flags, 100, 0, 0) + b"\1" * 12 + payload
    )


def ipv4(segment: bytes, protocol: int = 6, fragment: int = 0) -> bytes:
    length = 20 + len(segment)
    addresses = b"\x7f\0\0\1\x7f\0\0\2"
    return (
        struct.pack(">BBHHHBBH", 0x45, 0, length, 1, fragment, 64, protocol, 0)
        + addresses
        + segment
    )


def ipv6(segment: bytes, protocol: int = 6) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(segment), protocol, 64) + b"\xaa" * 32 + segment


def link(kind: int, ethertype: int, packet: bytes, vlans: int = 0) -> bytes:
    """A packet as it is captured on a link of that type."""
    if kind in (RAW, NULL):
        return (struct.pack("<I", 2) if kind == NULL else b"") + packet
    first = 0x8100 if vlans else ethertype
    tags = b""
    for left in range(vlans, 0, -1):
        tags += struct.pack(">HH", 5, 0x8100 if left > 1 else ethertype)
    if kind == EN10MB:
        return b"\2" * 12 + struct.pack(">H", first) + tags + packet
    if kind == SLL:
        return bytes(14) + struct.pack(">H", first) + tags + packet
    return struct.pack(">H", first) + bytes(18) + tags + packet


def packet(payload: bytes, seq: int = 1, flags: int = 0x18) -> bytes:
    """The usual one: cooked, IPv4, to port 445."""
    return link(SLL2, IPV4, ipv4(tcp(payload, seq, flags)))


def pcap(packets: Iterable[tuple[int, bytes]], link_type: int = SLL2, snaplen: int = 512) -> bytes:
    """A file of (time in ns, packet)."""
    about = Header("<", 1, snaplen, link_type)
    records = [Packet(time_ns, data[:snaplen], len(data)) for time_ns, data in packets]
    return encode_header(about) + b"".join(map(encode, records))


def common(packet: bytes, kind: int) -> bytes:
    """A packet's headers from that of IP on, as far as every view of it has them: checksums may be
    the card's."""
    _, segment = dissect(packet, kind, (445,))
    assert segment is not None
    protocol, at = network(packet, kind)
    headers = bytearray(packet[at : segment.payload])
    checksums = [segment.tcp - at + 16] + ([10] if protocol == IPV4 else [])
    for where in checksums:
        headers[where : where + 2] = bytes(2)
    return bytes(headers)
