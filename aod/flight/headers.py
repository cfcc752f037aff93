"""The headers of SMB2 in captured packets.

`HeadersOnly`: all but they and the headers below them becomes zeros or is cut off, as is what is
not understood. Where a message begins within a stream of TCP is known from the length of the one
before, so that what a file holds is not taken for a header. Where that is not known (the ring
begins, or a packet was lost), a segment that begins as a message does is believed: 64 bytes at
most.

MS-SMB2 2.1 (transport), 2.2.1 (header, NextCommand), 2.2.39 (SET_INFO), 2.2.41 (encrypted), 2.2.42
(compressed)."""

from typing import Final

from aod.flight.layers import Segment

_SYN: Final = 2
_FLAGS_AT: Final = 13
_SEQ: Final = 0xFFFFFFFF
_HALF: Final = 1 << 31
"""Sequence numbers that are less than this ahead are later (RFC 9293, 3.4)."""

_NETBIOS_BYTES: Final = 4
_SMB2: Final = b"\xfeSMB"
_SMB2_BYTES: Final = 64
_SMB2_START: Final = b"\xfeSMB\x40\x00"
"""With StructureSize, which is always 64."""
_NEXT_COMMAND_AT: Final = 20
_COMMAND_AT: Final = 12
_FLAGS_OF_SMB2_AT: Final = 16
_SET_INFO: Final = 17
_RESPONSE: Final = 1
_BUFFER_OFFSET_AT: Final = 8
_BUFFER_OFFSET: Final = (_SMB2_BYTES + 32).to_bytes(2, "little")
"""In a SET_INFO, a number that is always the same. Where it is 0, tshark (4.0) fails, and does not
look at what is compounded behind it."""
_HEADER_BYTES: Final = {_SMB2: _SMB2_BYTES, b"\xfdSMB": 52, b"\xfcSMB": 16}


class HeadersOnly:
    """Takes the content out of packets, given in the order of time."""

    def __init__(self) -> None:
        self._messages: dict[bytes, tuple[int, int]] = {}
        """By flow: the sequence numbers where the last message begins and ends."""

    def reduce(self, packet: bytes, understood: int, segment: Segment | None) -> bytes:
        """The packet without content: never longer, each byte as it was or zero.

        Args:
            understood: how many bytes of it `dissect` has understood.
            segment: what it has found."""
        if segment is None:
            return packet[:understood]
        if packet[segment.tcp + _FLAGS_AT] & _SYN:
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
            self._note(segment.flow, segment.seq + at - segment.payload, end - at)
            at = end
        return found

    def _note(self, flow: bytes, seq: int, length: int) -> None:
        """A message begins there; one that is sent again does not hide the last one."""
        last, _ = self._messages.get(flow, (seq, 0))
        if (seq - last) & _SEQ < _HALF:
            self._messages[flow] = (seq & _SEQ, (seq + length) & _SEQ)


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
        buffer = at + _SMB2_BYTES + _BUFFER_OFFSET_AT
        if _is_set_info(packet, at) and packet[buffer : min(buffer + 2, end)] == _BUFFER_OFFSET:
            found.append((buffer, buffer + 2))
        at = kept_from = at + following
    return found


def _is_set_info(packet: bytes, at: int) -> bool:
    command = int.from_bytes(packet[at + _COMMAND_AT : at + _COMMAND_AT + 2], "little")
    return command == _SET_INFO and not packet[at + _FLAGS_OF_SMB2_AT] & _RESPONSE
