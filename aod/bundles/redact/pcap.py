"""Addresses in a file of packets: only for packets that hold nothing but headers.

Of IP, TCP is left and everything else blanked, as other protocols may carry addresses anywhere.
Checksums are those of the original addresses."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from aod.bundles.redact.kinds import Pseudonyms
from aod.flight import pcap
from aod.flight.layers import IP, IPV6, LINKS, TCP, network
from aod.flight.pcap import PcapError

_MAC_BYTES: Final = 6
_NO_OPTIONS: Final = 0x45
"""The first byte of IPv4 where nothing lies between its header and TCP's."""


def redact(content: bytes, pseudonyms: Pseudonyms) -> Iterator[bytes]:
    """The packets with their addresses replaced; one that is cut at the end is left out.

    Piece by piece: a second copy of the file, in objects of a packet each, would take several times
    its size. Raises PcapError: another form, or another kind of link."""
    about = pcap.header(content)
    if about is None:
        raise PcapError("not of libpcap's form")
    if about.link_type not in LINKS:
        raise PcapError(f"link type {about.link_type} is not known")
    yield pcap.encode_header(about)
    for record in pcap.all_records(content, about):
        data = _packet(record.data, about.link_type, pseudonyms)
        yield pcap.encode(record._replace(data=data))


def _packet(data: bytes, link_type: int, pseudonyms: Pseudonyms) -> bytes:
    """The packet with other addresses, and zeros for what is not understood."""
    protocol, start = network(data, link_type)
    packet = bytearray(data)
    for at in LINKS[link_type].macs:
        mac = data[at : at + _MAC_BYTES]
        if len(mac) == _MAC_BYTES:
            packet[at : at + _MAC_BYTES] = pseudonyms.mac(mac)
    ip, known = IP.get(protocol), start
    if ip is not None and len(data) >= start + ip.length:
        known += ip.length
        for field in ip.addresses:
            within = slice(start + field.start, start + field.stop)
            address = pseudonyms.address(ip_address(data[within]))
            packet[within] = ip_address(address.decode()).packed
        has_options = protocol != IPV6 and data[start] != _NO_OPTIONS  # they may hold addresses
        if not has_options and data[start + ip.protocol] == TCP:
            known = len(data)
    return bytes(packet[:known]) + bytes(len(data) - known)
