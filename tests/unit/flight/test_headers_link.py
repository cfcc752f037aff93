"""One reader of link headers: what the cut of the ring and redaction see is the same."""

import struct

import pytest

from aod.bundles.redact import pcap as redaction
from aod.bundles.redact.kinds import Pseudonyms
from aod.flight import pcap
from aod.flight.headers import HeadersOnly
from aod.flight.layers import EN10MB, LINKS, SLL, SLL2, dissect, network
from tests.unit.packets import IPV4, IPV6, NULL, RAW, ipv4, ipv6, link, message, smb2, tcp
from tests.unit.packets import pcap as pcap_of

SECRET = b"SECRET-CONTENT-OF-A-FILE"
SEGMENT = tcp(message(smb2(7, SECRET)))
ADDRESSES = (b"\x7f\0\0\1\x7f\0\0\2", b"\x0a\0\0\7\x0a\0\0\x08")
INNER = ipv4(SEGMENT).replace(*ADDRESSES)


def tagged(kind: int, *tags: int) -> bytes:
    """A packet of that link with VLAN tags of these types, the outer one first."""
    types = [*tags, IPV4]
    plain = link(kind, types[0], b"")
    return plain + b"".join(struct.pack(">HH", 5, one) for one in types[1:]) + INNER


FRAMES = {
    "ethernet": (EN10MB, tagged(EN10MB)),
    "vlan": (EN10MB, tagged(EN10MB, 0x8100)),
    "QinQ": (EN10MB, tagged(EN10MB, 0x88A8, 0x8100)),
    "older QinQ": (EN10MB, tagged(EN10MB, 0x9100, 0x8100)),
    "sll": (SLL, tagged(SLL)),
    "sll vlan": (SLL, tagged(SLL, 0x8100)),
    "sll2": (SLL2, tagged(SLL2)),
    "sll2 QinQ": (SLL2, tagged(SLL2, 0x88A8, 0x8100)),
    "loopback": (NULL, link(NULL, IPV4, INNER)),
    "loop": (108, link(NULL, IPV4, INNER)),
    "raw": (RAW, INNER),
}


@pytest.mark.parametrize(("kind", "packet"), FRAMES.values(), ids=FRAMES)
def test_the_cut_and_redaction_find_the_same_headers(kind: int, packet: bytes) -> None:
    protocol, start = network(packet, kind)
    assert (protocol, packet[start:]) == (IPV4, INNER)
    cut = HeadersOnly().reduce(packet, *dissect(packet, kind, (445,)))
    assert cut == packet[: -len(SECRET)]
    content = b"".join(redaction.redact(pcap_of([(1, cut)], kind), Pseudonyms()))
    about = pcap.header(content)
    assert about is not None
    (redacted,) = pcap.all_records(content, about)
    assert redacted.data.endswith(message(smb2(7, SECRET))[: -len(SECRET)])
    assert redacted.data[start + 12 : start + 20] == bytes([198, 18, 0, 1, 198, 18, 0, 2])
    assert ADDRESSES[1] not in redacted.data
    assert len(redacted.data) == len(cut)


@pytest.mark.parametrize("kind", LINKS)
def test_each_link_carries_both_versions_of_ip(kind: int) -> None:
    head = LINKS[kind].length
    for protocol, inner in ((IPV4, ipv4(b"")), (IPV6, ipv6(b""))):
        packet = bytearray(bytes(head) + inner)
        if (at := LINKS[kind].ethertype) is not None:
            packet[at : at + 2] = protocol.to_bytes(2)
        assert network(bytes(packet), kind) == (protocol, head)


def test_what_is_no_link_of_ours_or_cut_within_it_is_not_known() -> None:
    assert network(bytes(100), 105) == (0, 0)
    assert network(bytes(14), EN10MB) == (0, 0)
