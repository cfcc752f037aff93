"""The headers of link, IP and TCP in a captured packet: where they are, and what they say.

Link types: https://www.tcpdump.org/linktypes.html. VLAN tags: IEEE 802.1Q and 802.1ad (QinQ), and
what older switches use for the outer of two tags. Others: RFC 791, 8200, 9293."""

from collections.abc import Container
from typing import Final, NamedTuple

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
TCP: Final = 6
_VLAN: Final = frozenset({0x8100, 0x88A8, 0x9100})
_MOST_VLANS: Final = 4
_IPV4_ID_AT: Final = 4


class Link(NamedTuple):
    """A link type."""

    length: int
    """Bytes of its header, without VLAN tags."""
    ethertype: int | None = None
    """Where in it the protocol is; None: nowhere, the packet itself shows its version of IP."""
    macs: tuple[int, ...] = ()
    """Where in it MAC addresses are."""


EN10MB: Final = 1
SLL: Final = 113
SLL2: Final = 276
_SLL2_INTERFACE: Final = slice(4, 8)
LINKS: Final = {
    EN10MB: Link(14, 12, (0, 6)),
    SLL: Link(16, 14, (6,)),
    SLL2: Link(20, 0, (12,)),
    **dict.fromkeys((0, 108), Link(4)),
    **dict.fromkeys((12, 14, 101, 228, 229), Link(0)),
}
"""By number; of the loopback NULL and LOOP, of packets without a link RAW (three), IPV4, IPV6."""


class Ip(NamedTuple):
    """A version of IP: where in its header things are."""

    length: int
    """Bytes of the header, without options."""
    size: int
    """Where its size is: of the packet (IPv4), of what is behind the header (IPv6)."""
    protocol: int
    addresses: tuple[slice, slice]


IP: Final = {
    IPV4: Ip(20, 2, 9, (slice(12, 16), slice(16, 20))),
    IPV6: Ip(40, 4, 6, (slice(8, 24), slice(24, 40))),
}
"""By the protocol that `network` finds."""


def network(packet: bytes, link_type: int) -> tuple[int, int]:
    """The protocol behind the header of the link, and where that ends; 0, 0 if not known."""
    link = LINKS.get(link_type)
    if link is None or len(packet) <= link.length:
        return 0, 0
    at = link.length
    if link.ethertype is None:
        return {4: IPV4, 6: IPV6}.get(packet[at] >> 4, 0), at
    protocol = int.from_bytes(packet[link.ethertype : link.ethertype + 2])
    while protocol in _VLAN and at + 4 <= min(len(packet), link.length + 4 * _MOST_VLANS):
        protocol = int.from_bytes(packet[at + 2 : at + 4])
        at += 4
    return protocol, at


class Segment(NamedTuple):
    """What TCP's header says, and where things are in a packet."""

    flow: bytes
    """Addresses and ports."""
    seq: int
    tcp: int
    """Where its header begins."""
    payload: int
    end: int
    """Of the payload, as far as it was kept; what follows is padding."""
    wire_end: int
    """Of the payload as it was on the wire; 0 where IP does not say it."""
    ip_id: int
    """The packet's number (IPv4); 0: it has none."""


def dissect(packet: bytes, link_type: int, ports: Container[int]) -> tuple[int, Segment | None]:
    """The length of the headers that are understood, and the segment, if of these ports."""
    protocol, at = network(packet, link_type)
    ip = IP.get(protocol)
    if ip is None or len(packet) < at + ip.length:
        return min(at, len(packet)), None
    is_v4 = protocol == IPV4
    behind = at + ((packet[at] & 15) * 4 if is_v4 else ip.length)
    if behind < at + ip.length or len(packet) < behind:
        return at, None
    is_fragment = is_v4 and int.from_bytes(packet[at + 6 : at + 8]) & 0x1FFF
    # Extension headers of IPv6: tcpdump's filter passes none of those.
    if packet[at + ip.protocol] != TCP or is_fragment:
        return behind, None
    size = int.from_bytes(packet[at + ip.size : at + ip.size + 2])
    # 0: the network card will cut it into segments.
    wire_end = (at if is_v4 else behind) + size if size else 0
    ip_id = int.from_bytes(packet[at + _IPV4_ID_AT : at + _IPV4_ID_AT + 2]) if is_v4 else 0
    addresses = packet[at + ip.addresses[0].start : at + ip.addresses[1].stop]
    payload, of_ports = _tcp(packet, behind, wire_end or len(packet))
    if int.from_bytes(of_ports[:2]) not in ports and int.from_bytes(of_ports[2:]) not in ports:
        return payload, None
    return payload, Segment(
        flow=addresses + of_ports,
        seq=int.from_bytes(packet[behind + 4 : behind + 8]),
        tcp=behind,
        payload=payload,
        end=min(wire_end or len(packet), len(packet)),
        wire_end=wire_end,
        ip_id=ip_id,
    )


def _tcp(packet: bytes, at: int, wire_end: int) -> tuple[int, bytes]:
    """Where the payload begins, and the ports; its own start and none, if it is not whole."""
    end = min(wire_end, len(packet))
    if end < at + 20:
        return at, b""
    payload = at + (packet[at + 12] >> 4) * 4
    if payload < at + 20 or payload > end:
        return at, b""
    return payload, packet[at : at + 4]


def interface(packet: bytes, link_type: int) -> bytes:
    """The number of the interface that a packet was seen on; empty where its link has none."""
    return packet[_SLL2_INTERFACE] if link_type == SLL2 else b""
