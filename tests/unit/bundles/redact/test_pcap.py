"""Addresses in packets: replaced as in the text; what is not understood is blanked."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.bundles.redact import pcap
from aod.bundles.redact.kinds import Pseudonyms
from aod.flight.pcap import PcapError

MACS = bytes.fromhex("001122334455") + bytes.fromhex("00aabbccddee")
IPV4 = bytes.fromhex("4500003000000000400600000a0000070a000008")
IPV6 = (
    bytes.fromhex("6000000000080640") + ip_address("fe80::7").packed + ip_address("fe80::8").packed
)
TCP = b"TCP and what is behind it"


def packets(*of: bytes, link: int = 1, order: str = "<") -> bytes:
    head = struct.pack(f"{order}IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 512, link)
    return head + b"".join(
        struct.pack(f"{order}IIII", 1, 2, len(one), len(one)) + one for one in of
    )


def redacted(content: bytes) -> bytes:
    return b"".join(pcap.redact(content, Pseudonyms()))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("link", "before"),
    [
        (1, MACS + b"\x08\x00"),
        (1, MACS + b"\x81\x00\x00\x07\x08\x00"),
        (113, bytes(6) + MACS[:6] + bytes(2) + b"\x08\x00"),
        (276, b"\x08\x00" + bytes(10) + MACS[:6] + bytes(2)),
    ],
    ids=["ethernet", "vlan", "sll", "sll2"],
)
def test_addresses_are_replaced_and_tcp_stays(link: int, before: bytes, order: str) -> None:
    told = redacted(packets(before + IPV4 + TCP, link=link, order=order))
    assert bytes.fromhex("001122334455") not in told
    assert bytes.fromhex("0a000007") not in told
    assert bytes.fromhex("0a000008") not in told
    assert told.endswith(bytes([198, 18, 0, 1, 198, 18, 0, 2]) + TCP)
    assert len(told) == len(packets(before + IPV4 + TCP, link=link, order=order))


def test_ipv6() -> None:
    told = redacted(packets(MACS + b"\x86\xdd" + IPV6 + TCP))
    assert told.endswith(ip_address("2001:db8::1").packed + ip_address("2001:db8::2").packed + TCP)


@pytest.mark.parametrize(
    "packet",
    [
        MACS + b"\x08\x06" + b"an address resolution",
        MACS + b"\x08\x00" + IPV4[:9] + b"\x11" + IPV4[10:] + b"UDP",
        MACS + b"\x08\x00\x46" + IPV4[1:] + b"options",
        MACS + b"\x86\xdd" + IPV6[:6] + b"\x3a" + IPV6[7:] + b"ICMP",
    ],
    ids=["arp", "udp", "options", "icmp6"],
)
def test_what_may_hold_addresses_elsewhere_is_blanked(packet: bytes) -> None:
    told = redacted(packets(packet))
    assert len(told) == len(packets(packet))
    for word in (b"an address", b"UDP", b"options", b"ICMP"):
        assert word not in told


def test_a_packet_that_is_cut_is_left_out() -> None:
    whole = packets(MACS + b"\x08\x00" + IPV4 + TCP)
    assert redacted(whole + whole[24:50]) == redacted(whole)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "form"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "form"),
        (packets(link=105), "link type 105"),
        (packets() + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30), "packet of"),
    ],
    ids=["empty", "pcapng", "wifi", "huge"],
)
def test_other_forms_are_refused(content: bytes, why: str) -> None:
    with pytest.raises(PcapError, match=why):
        redacted(content)


@given(packet=st.binary(max_size=200), link=st.sampled_from([1, 113, 276]))
def test_no_packet_is_a_surprise(packet: bytes, link: int) -> None:
    content = packets(packet, link=link)
    assert len(redacted(content)) == len(content)
