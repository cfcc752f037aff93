"""Addresses in a file of packets: only for packets that hold nothing but headers.

Of IP, TCP is left and everything else blanked, as other protocols may carry addresses anywhere.
Checksums are those of the original addresses."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from aod.bundles.redact.kinds import Pseudonyms
from aod.flight import pcap
from aod.flight.headers import IP, IPV6, LINKS, TCP, Ip, network
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
    ip = IP.get(protocol)
    if ip is None or len(data) < start + ip.length:
        return bytes(packet[:start]) + bytes(len(data) - start)
    header = _header(data[start : start + ip.length], ip, pseudonyms)
    behind = data[start + ip.length :]
    is_plain = protocol == IPV6 or header[0] == _NO_OPTIONS  # options may hold addresses
    if not is_plain or header[ip.protocol] != TCP:
        behind = bytes(len(behind))
    return bytes(packet[:start]) + header + behind


def _header(header: bytes, ip: Ip, pseudonyms: Pseudonyms) -> bytes:
    replaced = bytearray(header)
    for at in ip.addresses:
        address = pseudonyms.address(ip_address(header[at]))
        replaced[at] = ip_address(address.decode()).packed
    return bytes(replaced)
