"""The headers of link and IP in a captured packet: where they end, and where things are in them.

Link types: https://www.tcpdump.org/linktypes.html. VLAN tags: IEEE 802.1Q and 802.1ad (QinQ), and
what older switches use for the outer of two tags. IP: RFC 791, 8200."""

from typing import Final, NamedTuple

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
TCP: Final = 6
_VLAN: Final = frozenset({0x8100, 0x88A8, 0x9100})
_MOST_VLANS: Final = 4


class Link(NamedTuple):
    """A link type."""

    length: int
    """Bytes of its header, without VLAN tags."""
    ethertype: int | None = None
    """Where in it the protocol is; None: nowhere, the packet itself shows its version of IP."""
    macs: tuple[int, ...] = ()
    """Where in it MAC addresses are."""


_RAW: Final = Link(0)
_LOOPBACK: Final = Link(4)
EN10MB: Final = 1
SLL: Final = 113
SLL2: Final = 276
LINKS: Final = {
    EN10MB: Link(14, 12, (0, 6)),
    SLL: Link(16, 14, (6,)),
    SLL2: Link(20, 0, (12,)),
    **dict.fromkeys((0, 108), _LOOPBACK),
    **dict.fromkeys((12, 14, 101, 228, 229), _RAW),
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
    for _ in range(_MOST_VLANS):
        if protocol not in _VLAN or len(packet) < at + 4:
            break
        protocol = int.from_bytes(packet[at + 2 : at + 4])
        at += 4
    return protocol, at
