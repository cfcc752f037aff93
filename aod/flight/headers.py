"""The headers of link, IP and TCP in a captured packet, and those of SMB2 behind them.

`HeadersOnly`: all else becomes zeros or is cut off, as is what is not understood. Where a message
begins within a stream of TCP is known from the length of the one before, so that what a file holds
is not taken for a header. Where that is not known (the ring begins, or a packet was lost), a
segment that begins as a message does is believed: 64 bytes at most.

Link types: https://www.tcpdump.org/linktypes.html. VLAN tags: IEEE 802.1Q and 802.1ad (QinQ), and
what older switches use for the outer of two tags. Others: RFC 791, 8200, 9293; MS-SMB2 2.1
(transport), 2.2.1 (header, NextCommand), 2.2.41 (encrypted), 2.2.42 (compressed)."""

from typing import Final, NamedTuple

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
TCP: Final = 6
_VLAN: Final = frozenset({0x8100, 0x88A8, 0x9100})
_MOST_VLANS: Final = 4
SMB_PORT: Final = 445
_SYN: Final = 2
_SEQ: Final = 0xFFFFFFFF

_NETBIOS_BYTES: Final = 4
_SMB2: Final = b"\xfeSMB"
_SMB2_BYTES: Final = 64
_SMB2_START: Final = b"\xfeSMB\x40\x00"
"""With StructureSize, which is always 64."""
_NEXT_COMMAND_AT: Final = 20
_HEADER_BYTES: Final = {_SMB2: _SMB2_BYTES, b"\xfdSMB": 52, b"\xfcSMB": 16}


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
    """Where things are in a packet."""

    flow: bytes
    """Addresses and ports."""
    seq: int
    starts_connection: bool
    payload: int
    end: int
    """Of the payload; what follows is padding."""


class HeadersOnly:
    """Takes the content out of packets, given in the order of time."""

    def __init__(self, link_type: int) -> None:
        self._link_type = link_type
        self._messages: dict[bytes, tuple[int, int]] = {}
        """By flow: the sequence numbers where the last message begins and ends."""

    def reduce(self, packet: bytes) -> bytes:
        """The packet without content: never longer, each byte as it was or zero."""
        kept, segment = _dissect(packet, self._link_type)
        if segment is None:
            return packet[:kept]
        if segment.starts_connection:
            self._messages.pop(segment.flow, None)
        reduced = bytearray(packet[: segment.payload])
        for start, end in self._headers(packet, segment):
            reduced += bytes(start - len(reduced)) + packet[start:end]
        return bytes(reduced)

    def _headers(self, packet: bytes, segment: Segment) -> list[tuple[int, int]]:
        """Where in the packet the headers of messages are."""
        found: list[tuple[int, int]] = []
        # What of the segment belongs to a message that began before it.
        start, end = self._messages.get(segment.flow, (segment.seq, segment.seq))
        passed, length = (segment.seq - start) & _SEQ, (end - start) & _SEQ
        at = segment.payload + (length - passed if 0 < passed < length else 0)
        while _begins_message(packet, at, segment.end):
            length = int.from_bytes(packet[at + 1 : at + _NETBIOS_BYTES])
            message, end = at + _NETBIOS_BYTES, at + _NETBIOS_BYTES + length
            found += _chain(packet, message, min(end, segment.end), at)
            seq = segment.seq + at - segment.payload
            self._messages[segment.flow] = (seq & _SEQ, (seq + end - at) & _SEQ)
            at = end
        return found


def _begins_message(packet: bytes, at: int, end: int) -> bool:
    message = at + _NETBIOS_BYTES
    if message + _NETBIOS_BYTES > end or packet[at]:
        return False
    magic = packet[message : message + 4]
    if magic == _SMB2:
        return packet[message : min(message + len(_SMB2_START), end)] in (_SMB2, _SMB2_START)
    return magic in _HEADER_BYTES


def _chain(packet: bytes, at: int, end: int, kept_from: int) -> list[tuple[int, int]]:
    """The headers of a message, which is several when it is a compound."""
    found = []
    while (magic := packet[at : min(at + 4, end)]) in _HEADER_BYTES:
        found.append((kept_from, min(at + _HEADER_BYTES[magic], end)))
        where = at + _NEXT_COMMAND_AT
        following = int.from_bytes(packet[where : min(where + 4, end)], "little")
        if magic != _SMB2 or following < _SMB2_BYTES or following % 8:
            break
        at = kept_from = at + following
    return found


def _dissect(packet: bytes, link_type: int) -> tuple[int, Segment | None]:
    """The length of the headers that are understood, and the segment if they end with TCP's."""
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
    end = (at if is_v4 else behind) + size if size else len(packet)
    addresses = packet[at + ip.addresses[0].start : at + ip.addresses[1].stop]
    return _tcp(packet, behind, min(end, len(packet)), addresses)


def _tcp(packet: bytes, at: int, end: int, addresses: bytes) -> tuple[int, Segment | None]:
    if end < at + 20:
        return at, None
    payload = at + (packet[at + 12] >> 4) * 4
    if payload < at + 20 or payload > end:
        return at, None
    ports = packet[at : at + 4]
    if SMB_PORT not in (int.from_bytes(ports[:2]), int.from_bytes(ports[2:])):
        return payload, None
    seq = int.from_bytes(packet[at + 4 : at + 8])
    return payload, Segment(addresses + ports, seq, bool(packet[at + 13] & _SYN), payload, end)
