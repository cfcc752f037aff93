"""Packets that a capture on all interfaces holds more than once.

A packet passes each layer of a bond, a bridge, a VLAN, a paired function (netvsc and its VF), and
is seen on each: in whole above and cut into segments below, or the other way round, where only one
of the two takes what the card is to cut (TSO, GRO). The first that was seen is kept.

What a transmission sent, another interface may show once. What one interface shows twice was sent
twice: a retransmission, which stays. The number that IPv4 gives each packet has to agree, too, as
have the acknowledgement and TCP's options, of which one is a clock. Checksums (the card may make
them), the tag of a VLAN, and what a router or a full queue changes (TTL, ECN) may differ. Copies
behind a translation of addresses are other packets, and stay.

Linux: __netif_receive_skb_core (each layer is another round), dev_queue_xmit_nit and
validate_xmit_skb (each layer's own view of what is sent); RFC 791 (identification), 7323."""

from collections import deque
from contextlib import suppress
from typing import Final

from aod.flight.layers import Segment, interface
from aod.flight.pcap import Packet

NUMBERED_NS: Final = 1_000_000_000
"""How long after a packet a copy of it may come; more than any queue between two layers holds."""
UNNUMBERED_NS: Final = 100_000_000
"""Where packets have no number (IPv6): less than a time-out of TCP, which is 200 ms at least."""
_SEQ: Final = 0xFFFFFFFF
_NUMBER: Final = 0xFFFF
_MOST_PIECES: Final = 1024
"""Into which a packet is cut; a larger one has 64 KiB, and a segment 88 bytes or more."""
_MOST_ALIKE: Final = 64
"""The last ones that begin at one place: acknowledgements that are sent thousands of times a second
are all alike, and each would be compared with all before it."""

_Place = tuple[bytes, int, bytes]
"""A flow, a sequence number in it, and what all views of one transmission have in common."""


class _Sent:
    """A transmission that was kept, and how much of it each other interface has shown."""

    __slots__ = ("end", "interface", "number", "seen", "seq", "time_ns")

    def __init__(self, time_ns: int, interface: bytes, number: int, seq: int, end: int) -> None:
        self.time_ns, self.interface, self.number = time_ns, interface, number
        self.seq, self.end = seq, end
        self.seen: dict[bytes, tuple[int, int]] = {}
        """By interface: up to where, and in how many pieces."""

    def progress(self, on: bytes) -> tuple[int, int]:
        return self.seen.get(on, (self.seq, 0))


class Copies:
    """Tells copies from packets, which are given in the order of time."""

    def __init__(self, link_type: int) -> None:
        self._link_type = link_type
        self._sent: dict[_Place, list[_Sent]] = {}
        """Where a copy could begin."""
        self._places: deque[tuple[int, _Place, _Sent]] = deque()
        """The same, by age."""

    def is_copy(self, packet: Packet, segment: Segment) -> bool:
        """Whether this was seen before, on another interface."""
        self._forget(packet.time_ns - NUMBERED_NS)
        on = interface(packet.data, self._link_type)
        size = max(0, (segment.wire_end or packet.wire_bytes) - segment.payload)
        end = (segment.seq + size) & _SEQ
        one = _Sent(packet.time_ns, on, segment.ip_id, segment.seq, end)
        place = segment.flow, segment.seq, _marks(packet.data, segment, size)
        found = self._covering(place, one)
        for sent, upto in found if on else ():
            sent.seen[on] = (upto, sent.progress(on)[1] + 1)
            if upto != sent.end:
                self._remember((place[0], upto, place[2]), sent, packet.time_ns)
        if not found:
            self._remember(place, one, packet.time_ns)
        return bool(found)

    def _covering(self, place: _Place, one: _Sent) -> list[tuple[_Sent, int]]:
        """Transmissions that together are this packet, and up to where of each; or none."""
        flow, at, marks = place
        found: list[tuple[_Sent, int]] = []
        while len(found) < _MOST_PIECES:
            for sent in self._sent.get((flow, at, marks), ()):
                if _may_show(sent, one, at, len(found)):
                    break
            else:
                return []
            if _length(at, sent.end) >= _length(at, one.end):
                return [*found, (sent, one.end)]
            found.append((sent, sent.end))
            at = sent.end
        return []

    def _remember(self, place: _Place, sent: _Sent, now_ns: int) -> None:
        alike = self._sent.setdefault(place, [])
        alike.append(sent)
        del alike[:-_MOST_ALIKE]
        self._places.append((now_ns, place, sent))

    def _forget(self, before_ns: int) -> None:
        while self._places and self._places[0][0] < before_ns:
            _, place, sent = self._places.popleft()
            alike = self._sent.get(place, [])
            with suppress(ValueError):  # newer ones took its place
                alike.remove(sent)
            if not alike:
                self._sent.pop(place, None)


def _may_show(sent: _Sent, one: _Sent, at: int, pieces_before: int) -> bool:
    """Whether a packet may be, from `at` on, a view of what was sent."""
    upto, pieces = sent.progress(one.interface)
    if upto != at or (pieces and at == sent.end):
        return False
    is_numbered = bool(sent.number and one.number)
    if one.time_ns - sent.time_ns > (NUMBERED_NS if is_numbered else UNNUMBERED_NS):
        return False
    # A card numbers the segments that it makes one by one, or all alike.
    ahead = (one.number - sent.number) & _NUMBER
    if is_numbered and ahead not in (0, (pieces - pieces_before) & _NUMBER):
        return False
    if not one.interface:  # not known: then the number alone tells a copy
        return is_numbered and (sent.seq, sent.end) == (one.seq, one.end)
    return sent.interface != one.interface


def _marks(packet: bytes, segment: Segment, size: int) -> bytes:
    """Acknowledgement and options; where there is no payload, which cannot come in pieces, the
    flags and the window, too."""
    at, options = segment.tcp, packet[segment.tcp + 20 : segment.payload]
    return packet[at + 8 : at + (12 if size else 16)] + options


def _length(start: int, end: int) -> int:
    return (end - start) & _SEQ
