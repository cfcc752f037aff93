"""The pcap format, read from untrusted bytes.

Format: draft-ietf-opsawg-pcap. A file header (magic, version, time zone, accuracy, snaplen, link
type), then records: seconds, fraction, bytes kept, bytes on the wire, and the bytes kept."""

import struct
from collections.abc import Iterator
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
_DAY_SEC: Final = 24 * 3600
_SEARCHED_BYTES: Final = 1 << 16
"""And the length of a packet: how far the next record is looked for behind one that is damaged."""


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
) -> Iterator[Packet | None]:
    """The packets of a time (both ends included); None for each place where something is no record,
    and what follows it up to the next one that is, is lost."""
    at: int | None = _FILE_BYTES
    time_ns = None
    while at is not None:
        try:
            for record, end in _walk(content, about, at):
                at, time_ns = end, record.time_ns
                if from_ns <= time_ns <= to_ns:
                    yield record
            return
        except PcapError:
            yield None
            at = _next_record(content, about, at + 1, time_ns)


def all_records(content: bytes, about: Header) -> Iterator[Packet]:
    """All packets, but one that is cut at the end. Raises PcapError: something is no record."""
    for record, _ in _walk(content, about, _FILE_BYTES):
        yield record


def _walk(content: bytes, about: Header, at: int) -> Iterator[tuple[Packet, int]]:
    """The records from `at` on, each with its end. Raises PcapError: this can be no record."""
    unpack = struct.Struct(about.order + _RECORD_HEADER).unpack_from
    limit = _most_kept(about)
    last = len(content) - _RECORD_BYTES
    while at <= last:
        seconds, fraction, kept, wire = unpack(content, at)
        at += _RECORD_BYTES
        end = at + kept
        if kept > limit or kept > wire:
            raise PcapError(f"a packet of {kept} bytes")
        if end > len(content):
            return
        yield Packet(seconds * _NS + fraction * about.fraction_ns, content[at:end], wire), end
        at = end


def _next_record(content: bytes, about: Header, at: int, time_ns: int | None) -> int | None:
    """Where, from `at` on, a record begins that another one follows, or the end; None: nowhere
    near. Both are of about the time of the last one that was good, if there is one."""
    unpack = struct.Struct(about.order + _RECORD_HEADER).unpack_from
    limit, last = _most_kept(about), len(content) - _RECORD_BYTES
    around = None if time_ns is None else time_ns // _NS

    def end(at: int) -> int:
        """Of the record that may begin there; 0: none does."""
        seconds, fraction, kept, wire = unpack(content, at)
        is_near = around is None or abs(seconds - around) <= _DAY_SEC
        is_sound = kept <= min(limit, wire) and fraction * about.fraction_ns < _NS
        return at + _RECORD_BYTES + kept if is_near and is_sound and seconds else 0

    for begin in range(at, min(last + 1, at + limit + _SEARCHED_BYTES)):
        if (following := end(begin)) and (
            following == len(content) or (following <= last and end(following))
        ):
            return begin
    return None


def _most_kept(about: Header) -> int:
    """Bytes of a packet."""
    return min(about.snaplen or _LARGEST_SNAPLEN, _LARGEST_SNAPLEN)


def first_ns(content: bytes, about: Header) -> int | None:
    """The time of the first packet; None if there is none."""
    return next((record.time_ns for record in records(content, about) if record), None)


def encode_header(about: Header) -> bytes:
    """The head of a file with times in ns, little-endian."""
    return struct.pack("<" + _FILE_HEADER, _NANO, 2, 4, 0, 0, about.snaplen, about.link_type)


def encode(record: Packet) -> bytes:
    """A record of such a file."""
    seconds, fraction = divmod(record.time_ns, _NS)
    head = struct.pack("<IIII", seconds, fraction, len(record.data), record.wire_bytes)
    return head + record.data
