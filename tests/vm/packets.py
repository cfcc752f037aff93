"""SMB2 messages in a pcap file, found without knowing how to read a network packet.

A second opinion on what the daemon cut out of its ring: it shares no code with that.
"""

import struct
from dataclasses import dataclass
from typing import Final

_FILE_HEADER: Final = 24
_RECORD_HEADER: Final = 16
_SMB2: Final = b"\xfeSMB"
_SMB2_HEADER: Final = 64
_RESPONSE: Final = 1


@dataclass(frozen=True)
class Message:
    """An SMB2 header (MS-SMB2 2.2.1.2) and when its packet was seen."""

    time_ns: int
    """Since the epoch."""
    command: int
    mid: int
    is_response: bool


@dataclass(frozen=True)
class Packets:
    """What is in a pcap file."""

    times_ns: list[int]
    messages: list[Message]


def parse(content: bytes) -> Packets:
    """Every packet and every SMB2 header in it; AssertionError if it is no whole pcap file."""
    magic, _, _, _, _, _, _ = struct.unpack_from("<IHHiIII", content)
    assert magic in (0xA1B2C3D4, 0xA1B23C4D)
    fraction_ns = 1000 if magic == 0xA1B2C3D4 else 1
    times, messages, at = [], [], _FILE_HEADER
    while at < len(content):
        seconds, fraction, kept, _ = struct.unpack_from("<IIII", content, at)
        packet = content[at + _RECORD_HEADER : at + _RECORD_HEADER + kept]
        assert len(packet) == kept
        times.append(seconds * 10**9 + fraction * fraction_ns)
        messages += _messages(packet, times[-1])
        at += _RECORD_HEADER + kept
    return Packets(times, messages)


def _messages(packet: bytes, time_ns: int) -> list[Message]:
    found, at = [], packet.find(_SMB2)
    while at >= 0 and at + _SMB2_HEADER <= len(packet):
        command, _, flags, _, mid = struct.unpack_from("<HHIIQ", packet, at + 12)
        found.append(Message(time_ns, command, mid, bool(flags & _RESPONSE)))
        at = packet.find(_SMB2, at + _SMB2_HEADER)
    return found
