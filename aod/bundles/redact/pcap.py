"""Addresses in a file of packets: only for packets that hold nothing but headers.

The form is that of libpcap (pcap-savefile(5)); of IP, TCP is left and everything else blanked, as
other protocols may carry addresses anywhere. Checksums are those of the original addresses.
"""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import IO, Final

from aod.bundles.redact.kinds import Pseudonyms

_ORDERS: Final = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\x3c\x4d": ">",
}
_EN10MB, _SLL, _SLL2 = 1, 113, 276
_LINKS: Final = frozenset({_EN10MB, _SLL, _SLL2})
_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN: Final = frozenset({0x8100, 0x88A8})
_TCP: Final = 6
_MAX_PACKET: Final = 1 << 20


class PcapError(Exception):
    """Not a file of packets that can be redacted; the text says why."""


def redact(source: IO[bytes], target: IO[bytes], pseudonyms: Pseudonyms) -> None:
    """Copy packets with their addresses replaced; a packet that is cut at the end is left out.

    Raises:
        PcapError: another form, or another kind of link.
        OSError: it cannot be read or written.
    """
    head = source.read(24)
    order = _ORDERS.get(head[:4], "")
    if len(head) < 24 or not order:
        raise PcapError("not of libpcap's form")
    link = struct.unpack(f"{order}I", head[20:])[0] & 0x0FFFFFFF
    if link not in _LINKS:
        raise PcapError(f"link type {link} is not known")
    target.write(head)
    while len(record := source.read(16)) == 16:
        size = struct.unpack(f"{order}I", record[8:12])[0]
        if size > _MAX_PACKET:
            raise PcapError(f"a packet of {size} bytes")
        packet = bytearray(source.read(size))
        if len(packet) < size:
            return
        _packet(packet, link, pseudonyms)
        target.write(record + packet)


def _packet(packet: bytearray, link: int, pseudonyms: Pseudonyms) -> None:
    """Replace addresses in place, and blank what is not understood."""
    if link == _EN10MB:
        _mac(packet, 0, pseudonyms)
        _mac(packet, 6, pseudonyms)
        protocol_at = 12
        while _word(packet, protocol_at) in _VLAN:
            protocol_at += 4
        protocol, start = _word(packet, protocol_at), protocol_at + 2
    elif link == _SLL:
        _mac(packet, 6, pseudonyms)
        protocol, start = _word(packet, 14), 16
    else:
        _mac(packet, 12, pseudonyms)
        protocol, start = _word(packet, 0), 20
    ends = {_IPV4: _ipv4, _IPV6: _ipv6}.get(protocol, _nothing)(packet, start, pseudonyms)
    packet[ends:] = bytes(max(0, len(packet) - ends))


def _nothing(_packet: bytearray, start: int, _pseudonyms: Pseudonyms) -> int:
    return start


def _ipv4(packet: bytearray, start: int, pseudonyms: Pseudonyms) -> int:
    """Where what may stay ends."""
    if len(packet) < start + 20:
        return start
    for at in (start + 12, start + 16):
        address = pseudonyms.address(IPv4Address(bytes(packet[at : at + 4])))
        packet[at : at + 4] = IPv4Address(address.decode()).packed
    is_plain = packet[start] == 0x45  # no options: those may hold addresses
    return len(packet) if is_plain and packet[start + 9] == _TCP else start + 20


def _ipv6(packet: bytearray, start: int, pseudonyms: Pseudonyms) -> int:
    if len(packet) < start + 40:
        return start
    for at in (start + 8, start + 24):
        address = pseudonyms.address(IPv6Address(bytes(packet[at : at + 16])))
        packet[at : at + 16] = IPv6Address(address.decode()).packed
    return len(packet) if packet[start + 6] == _TCP else start + 40


def _mac(packet: bytearray, at: int, pseudonyms: Pseudonyms) -> None:
    if len(packet) >= at + 6:
        packet[at : at + 6] = pseudonyms.mac(bytes(packet[at : at + 6]))


def _word(packet: bytearray, at: int) -> int:
    return int.from_bytes(packet[at : at + 2], "big")
