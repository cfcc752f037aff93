"""Cut a pcap file out of the ring: python -m aod.flight.cut FOLDER TRIGGER FROM TO yes|no

The times are ns since the epoch; the last word: headers only. The file goes to standard output,
packets in the order of time; a summary goes to standard error. A program of
its own, so that capture can give it up; it imports nothing that takes time to import."""

import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Final

from aod.flight import ring
from aod.flight.headers import SLL2, HeadersOnly
from aod.flight.pcap import Header, Packet, encode, encode_header, first_ns, header, records

LATENESS_NS: Final = 1_200_000_000
"""The kernel gives a block of packets to tcpdump when it is full or a second old (tcpdump's
time-out, in TPACKET_V3). Handing over each packet at once would cost a wake-up a packet, all the
time: it is cheaper that a cut right after the trigger waits. With the usual post_sec it does not
have to, and only the last second of what follows the trigger may be missing."""

_NO_PACKETS: Final = Header("<", 1, 1 << 18, SLL2)
"""tcpdump writes a file's header with its first packet."""

_Part = tuple[int, Header, bytes]
"""A file of the ring: the time of its first packet, its header, its content."""


def main(argv: list[str]) -> int:
    """Exit status: 0, or 1 if there is no ring."""
    folder, (trigger_ns, from_ns, to_ns) = Path(argv[0]), map(int, argv[1:4])
    # Until tcpdump has what the kernel saw until then; never longer than that takes.
    left_ns = trigger_ns + LATENESS_NS - time.time_ns()
    time.sleep(min(max(left_ns, 0), LATENESS_NS) / 1e9)
    contents = list(ring.contents(folder))
    if not contents:
        sys.stderr.write(f"{folder}: no ring of packets; is tcpdump running?\n")
        return 1
    parts = in_order(contents)
    about, summary = _NO_PACKETS, "the ring has seen no packets"
    found = packets(parts, from_ns, to_ns, headers_only=argv[4] == "yes")
    if parts:
        began = datetime.fromtimestamp(parts[0][0] // 10**9, UTC).isoformat()
        about, summary = parts[-1][1], f"{len(found)} packets; the ring reaches back to {began}"
    sys.stdout.buffer.write(encode_header(about))
    sys.stdout.buffer.writelines(map(encode, found))
    sys.stdout.buffer.flush()
    sys.stderr.write(summary + "\n")
    return 0


def in_order(contents: Iterable[bytes]) -> list[_Part]:
    """The parts that have packets, oldest first; of one link type, as a file has only one."""
    parts = [
        (began_ns, about, content)
        for content in contents
        if (about := header(content)) and (began_ns := first_ns(content, about)) is not None
    ]
    parts.sort(key=itemgetter(0))
    return [part for part in parts if part[1].link_type == parts[-1][1].link_type]


def packets(
    parts: Sequence[_Part], from_ns: int, to_ns: int, *, headers_only: bool
) -> list[Packet]:
    """The packets from one time to another (both included), in the order of time."""
    read = (records(content, about, from_ns, to_ns) for _, about, content in parts)
    found = sorted(chain.from_iterable(read), key=attrgetter("time_ns"))
    if not (headers_only and found):
        return found
    reduce = HeadersOnly(parts[-1][1].link_type).reduce
    return [record._replace(data=reduce(record.data)) for record in found]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
