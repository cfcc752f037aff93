"""The pcap format, read from untrusted bytes.

Format: draft-ietf-opsawg-pcap. A file header (magic, version, time zone, accuracy, snaplen, link
type), then records: seconds, fraction, bytes kept, bytes on the wire, and the bytes kept."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

_NANO: Final = 0xA1B23C4D
_FRACTION_NS: Final = {0xA1B2C3D4: 1000, _NANO: 1}
"""By the magic number."""
_FILE_HEADER: Final = "IHHiIII"
_RECORD_HEADER: Final = "IIII"
_FILE_BYTES: Final = 24
_RECORD_BYTES: Final = 16
_LARGEST_SNAPLEN: Final = 1 << 20
_NS: Final = 10**9


class PcapError(Exception):
    """Not a file of packets, or not one that is understood; the text says why."""


class Packet(NamedTuple):
    """One packet."""

    time_ns: int
    """Since the epoch."""
    data: bytes
    wire_bytes: int


class Header(NamedTuple):
    """What holds for all records of a file."""

    order: str
    fraction_ns: int
    snaplen: int
    link_type: int


def header(content: bytes) -> Header | None:
    """The file's header; None if this is no pcap file."""
    if len(content) < _FILE_BYTES:
        return None
    for order in "<>":
        magic, _, _, _, _, snaplen, link = struct.unpack_from(order + _FILE_HEADER, content)
        if magic in _FRACTION_NS:
            return Header(order, _FRACTION_NS[magic], snaplen, link & 0xFFFF)
    return None


def records(
    content: bytes, about: Header, from_ns: int = 0, to_ns: int = 1 << 63
) -> Iterator[Packet]:
    """The packets of a time (both ends included); ends at what can be no record."""
    with suppress(PcapError):
        for record in all_records(content, about):
            if from_ns <= record.time_ns <= to_ns:
                yield record


def all_records(content: bytes, about: Header) -> Iterator[Packet]:
    """All packets, but one that is cut at the end. Raises PcapError: this can be no record."""
    unpack = struct.Struct(about.order + _RECORD_HEADER).unpack_from
    limit = min(about.snaplen or _LARGEST_SNAPLEN, _LARGEST_SNAPLEN)
    at, last = _FILE_BYTES, len(content) - _RECORD_BYTES
    while at <= last:
        seconds, fraction, kept, wire = unpack(content, at)
        at += _RECORD_BYTES
        end = at + kept
        if kept > limit or kept > wire:
            raise PcapError(f"a packet of {kept} bytes")
        if end > len(content):
            return
        yield Packet(seconds * _NS + fraction * about.fraction_ns, content[at:end], wire)
        at = end


def first_ns(content: bytes, about: Header) -> int | None:
    """The time of the first packet; None if there is none."""
    return next((record.time_ns for record in records(content, about)), None)


def encode_header(about: Header) -> bytes:
    """The head of a file with times in ns, little-endian."""
    return struct.pack("<" + _FILE_HEADER, _NANO, 2, 4, 0, 0, about.snaplen, about.link_type)


def encode(record: Packet) -> bytes:
    """A record of such a file."""
    seconds, fraction = divmod(record.time_ns, _NS)
    head = struct.pack("<IIII", seconds, fraction, len(record.data), record.wire_bytes)
    return head + record.data
