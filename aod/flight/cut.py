"""Cut a pcap file out of the ring: python -m aod.flight.cut FOLDER TRIGGER FROM TO yes|no PORT,...

The times are ns since the epoch; the word behind them: headers only. The file goes to standard
output, packets in the order of time, each once; what there is to know about it, in one line, goes
to standard error. A program of its own, so that capture can give it up; it imports nothing that
takes time to import."""

import sys
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

from aod.flight import ring, unseen
from aod.flight.copies import Copies
from aod.flight.headers import HeadersOnly
from aod.flight.layers import SLL2, dissect
from aod.flight.pcap import Header, Packet, encode, encode_header, first_ns, header, records

LATENESS_NS: Final = 1_200_000_000
"""The kernel gives a block of packets to tcpdump when it is full or a second old (tcpdump's
time-out, in TPACKET_V3). Handing over each packet at once would cost a wake-up a packet, all the
time: it is cheaper that a cut right after the trigger waits. With the usual post_sec it does not
have to, and only the last second of what follows the trigger may be missing."""

_NO_PACKETS: Final = Header("<", 1, 1 << 18, SLL2)
"""tcpdump writes a file's header with its first packet."""


class Part(NamedTuple):
    """A file of the ring."""

    began_ns: int
    """The time of its first packet."""
    number: int
    """Its place among the names; a ring that was never full has been written in this order."""
    about: Header
    content: bytes


class Cut(NamedTuple):
    """What is taken out of the ring."""

    packets: list[Packet]
    copies: int
    """Left out."""
    damaged: int
    """Places where packets were lost."""


def main(argv: list[str]) -> int:
    """Exit status: 0, or 1 if there is no ring."""
    folder, (trigger_ns, from_ns, to_ns) = Path(argv[0]), map(int, argv[1:4])
    ports = tuple(map(int, argv[5].split(",")))
    # Until tcpdump has what the kernel saw until then; never longer than that takes.
    left_ns = trigger_ns + LATENESS_NS - time.time_ns()
    time.sleep(min(max(left_ns, 0), LATENESS_NS) / 1e9)
    contents = list(ring.contents(folder))
    if not contents:
        sys.stderr.write(f"{folder}: no ring of packets; is tcpdump running?\n")
        return 1
    parts, unreadable = in_order(contents)
    found = cut(parts, from_ns, to_ns, ports, headers_only=argv[4] == "yes")
    sys.stdout.buffer.write(encode_header(parts[-1].about if parts else _NO_PACKETS))
    sys.stdout.buffer.writelines(map(encode, found.packets))
    sys.stdout.buffer.flush()
    found = found._replace(damaged=found.damaged + unreadable)
    said = (_counted(parts, found), _reach(parts, trigger_ns, from_ns), *unseen.sentences(ports))
    sys.stderr.write("; ".join(filter(None, said)) + "\n")
    return 0


def in_order(contents: Iterable[bytes]) -> tuple[list[Part], int]:
    """The parts that have packets, oldest first, of one link type, as a file has only one; and how
    many cannot be read at all."""
    parts, unreadable = [], 0
    for number, content in enumerate(contents):
        about = header(content)
        if about is None:
            unreadable += bool(content)
        elif (began_ns := first_ns(content, about)) is not None:
            parts.append(Part(began_ns, number, about, content))
    parts.sort(key=attrgetter("began_ns"))
    return [part for part in parts if part.about.link_type == parts[-1].about.link_type], unreadable


def cut(
    parts: Sequence[Part], from_ns: int, to_ns: int, ports: Collection[int], *, headers_only: bool
) -> Cut:
    """The packets from one time to another (both included), in the order of time."""
    read = [one for part in parts for one in records(part.content, part.about, from_ns, to_ns)]
    found = sorted((one for one in read if one), key=attrgetter("time_ns"))
    damaged, copied, kept = len(read) - len(found), 0, []
    link_type = parts[-1].about.link_type if parts else SLL2
    copies, reducer = Copies(link_type), HeadersOnly()
    for packet in found:
        understood, segment = dissect(packet.data, link_type, ports)
        if segment and copies.is_copy(packet, segment):
            copied += 1
        elif headers_only:
            data = reducer.reduce(packet.data, understood, segment)
            kept.append(Packet(packet.time_ns, data, packet.wire_bytes))
        else:
            kept.append(packet)
    return Cut(kept, copied, damaged)


def _counted(parts: Sequence[Part], found: Cut) -> str:
    if not parts and not found.damaged:
        return "the ring has seen no packets"
    copies = f", without {found.copies:,} copies seen on another interface" if found.copies else ""
    damaged = f"; the ring is damaged in {found.damaged} places: packets are lost there"
    return f"{len(found.packets):,} packets{copies}{damaged if found.damaged else ''}"


def _reach(parts: Sequence[Part], trigger_ns: int, from_ns: int) -> str:
    """How far back the ring goes, if that is too little, and packets may have been there."""
    if not parts:
        return ""
    began_ns = parts[0].began_ns
    was_overwritten = [part.number for part in parts] != sorted(part.number for part in parts)
    if began_ns <= from_ns or not was_overwritten:
        return f"the ring begins {datetime.fromtimestamp(began_ns // 10**9, UTC).isoformat()}"
    reach_sec, wanted_sec = (max(0, trigger_ns - at) / 1e9 for at in (began_ns, from_ns))
    return (
        f"the ring reaches back {reach_sec:.1f} s of the {wanted_sec:g} s before the trigger:"
        " raise capture.tcpdump.ring_mb"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
