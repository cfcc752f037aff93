"""What was sent once is kept once, on however many interfaces it was seen; what was sent twice,
twice."""

import random as random_module
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.flight.copies import NUMBERED_NS, UNNUMBERED_NS, Copies
from aod.flight.layers import dissect
from aod.flight.pcap import Packet
from tests.unit.packets import EN10MB, IPV4, IPV6, SLL, SLL2, link

MS = 10**6
BOND, CARD, BRIDGE = 7, 2, 9


@dataclass(frozen=True)
class Seen:
    """A packet on an interface; the defaults are a segment of a stream."""

    on: int = BOND
    seq: int = 1000
    size: int = 1448
    number: int = 50
    at_ns: int = 0
    ack: int = 7
    clock: int = 1
    flags: int = 0x18
    ttl: int = 64
    checksum: int = 0
    is_v6: bool = False
    is_large: bool = False
    """Its size does not fit into the field for it (IPv4 above 64 KiB)."""
    vlans: int = 0

    def packet(self, kind: int = SLL2) -> Packet:
        options = struct.pack(">BBBBII", 1, 1, 8, 10, self.clock, 0)
        head = struct.pack(">HHIIBBHHH", 40000, 445, self.seq, self.ack, 8 << 4, self.flags, 100,
                           self.checksum, 0)  # fmt: skip
        segment = head + options + bytes(self.size)
        if self.is_v6:
            ip = struct.pack(">IHBB", 6 << 28, len(segment), 6, self.ttl) + b"\xaa" * 32
        else:
            size = 0 if self.is_large else 20 + len(segment)
            ip = struct.pack(">BBHHHBBH", 0x45, 0, size, self.number, 0x4000, self.ttl, 6, 0)
            ip += b"\x0a\0\0\1\x0a\0\0\2"
        whole = link(kind, IPV6 if self.is_v6 else IPV4, ip + segment, self.vlans)
        if kind == SLL2:
            whole = whole[:4] + struct.pack(">I", self.on) + whole[8:]
        return Packet(self.at_ns, whole[:128], len(whole))


def kept(seen: Sequence[Seen], kind: int = SLL2) -> list[Seen]:
    """Those that are no copies."""
    copies, found = Copies(kind), []
    for one in seen:
        packet = one.packet(kind)
        _, segment = dissect(packet.data, kind, (445,))
        assert segment is not None
        if not copies.is_copy(packet, segment):
            found.append(one)
    return found


def pieces(whole: Seen, size: int = 1448) -> list[Seen]:
    """What a card would make of a packet, seen on the interface below it."""
    return [
        replace(
            whole,
            on=CARD,
            seq=whole.seq + at,
            size=min(size, whole.size - at),
            number=whole.number + at // size,
        )
        for at in range(0, whole.size, size)
    ]


@pytest.mark.parametrize("is_v6", [False, True])
@pytest.mark.parametrize("size", [0, 1, 1448, 60_000])
def test_a_packet_is_kept_where_it_was_seen_first(is_v6: bool, size: int) -> None:
    first = Seen(size=size, is_v6=is_v6)
    others = [replace(first, on=on, at_ns=MS) for on in (CARD, BRIDGE)]
    assert kept([first, *others]) == [first]


@pytest.mark.parametrize(
    "changed", [{"ttl": 63}, {"checksum": 0xBEEF}, {"vlans": 1}], ids=["ttl", "checksum", "vlan"]
)
def test_what_a_layer_changes_makes_no_other_packet(changed: dict[str, Any]) -> None:
    assert kept([Seen(), replace(Seen(on=CARD), **changed)]) == [Seen()]


@pytest.mark.parametrize(
    "changed",
    [{"number": 51}, {"seq": 1001}, {"ack": 8}, {"clock": 2}, {"size": 1449}],
    ids=["number", "seq", "ack", "clock", "size"],
)
def test_what_no_layer_changes_makes_another_packet(changed: dict[str, Any]) -> None:
    both = [Seen(), replace(Seen(on=CARD), **changed)]
    assert kept(both) == both


@pytest.mark.parametrize("number", [0, 50])
@pytest.mark.parametrize("is_v6", [False, True])
def test_what_one_interface_shows_twice_was_sent_twice(number: int, is_v6: bool) -> None:
    """At once, with the same number: a network that doubles packets is worth knowing."""
    sent = [Seen(number=number, is_v6=is_v6, at_ns=at) for at in (0, 10, 20)]
    copied = [replace(one, on=CARD, at_ns=one.at_ns + 5) for one in sent]
    assert kept([one for pair in zip(sent, copied, strict=True) for one in pair]) == sent


def test_a_retransmission_stays_where_the_card_saw_only_that_one() -> None:
    """The first one was lost in the queue between the two."""
    first, again = Seen(), Seen(number=51, at_ns=3 * MS)
    assert kept([first, again, replace(again, on=CARD)]) == [first, again]


def test_a_retransmission_on_another_interface_stays() -> None:
    both = [Seen(), Seen(on=CARD, number=51, at_ns=MS)]
    assert kept(both) == both
    both = [Seen(is_v6=True), Seen(on=CARD, is_v6=True, at_ns=UNNUMBERED_NS + 1)]
    assert kept(both) == both
    both = [Seen(), Seen(on=CARD, at_ns=NUMBERED_NS + 1)]
    assert kept(both) == both


def test_acknowledgements_that_say_the_same_stay_as_often_as_they_were_sent() -> None:
    sent = [Seen(size=0, flags=0x10, number=0, at_ns=at) for at in range(3)]
    assert kept([*sent, *(replace(one, on=CARD, at_ns=3) for one in sent)]) == sent
    assert kept([sent[0], replace(sent[0], on=CARD, flags=0x11)]) != [sent[0]]


@pytest.mark.parametrize("is_v6", [False, True])
def test_a_packet_that_is_cut_below_is_kept_whole(is_v6: bool) -> None:
    whole = Seen(size=20_000, is_v6=is_v6)
    assert kept([whole, *pieces(whole)]) == [whole]


def test_one_of_more_than_64_kib_is_measured_on_the_wire() -> None:
    whole = Seen(size=100_000, is_large=True)
    small = [replace(one, is_large=False) for one in pieces(whole)]
    assert kept([whole, *small]) == [whole]


def test_a_card_may_give_all_pieces_one_number() -> None:
    whole = Seen(size=20_000)
    assert kept([whole, *(replace(one, number=50) for one in pieces(whole))]) == [whole]


def test_pieces_that_are_merged_above_are_kept_as_they_came() -> None:
    whole = Seen(size=20_000)
    assert kept([*pieces(whole), whole]) == pieces(whole)


def test_a_piece_that_is_sent_again_stays() -> None:
    whole = Seen(size=20_000)
    again = replace(pieces(whole)[3], number=90, clock=1, at_ns=MS)
    assert kept([whole, *pieces(whole), again]) == [whole, again]
    above = replace(again, on=BOND)
    assert kept([whole, *pieces(whole), above, again]) == [whole, above]


def test_where_the_interface_is_not_known_the_number_tells() -> None:
    """SLL, of libpcap before 1.10; also three layers."""
    assert kept([Seen(), Seen(on=CARD), Seen(on=BRIDGE)], SLL) == [Seen()]
    assert kept([Seen(), Seen(number=51)], EN10MB) == [Seen(), Seen(number=51)]
    assert len(kept([Seen(number=0), Seen(number=0)], SLL)) == 2
    assert len(kept([Seen(is_v6=True), Seen(is_v6=True)], SLL)) == 2


def test_sequence_numbers_wrap() -> None:
    whole = Seen(seq=(1 << 32) - 3000, size=20_000)
    wrapped = [replace(one, seq=one.seq & 0xFFFFFFFF) for one in pieces(whole)]
    assert kept([whole, *wrapped]) == [whole]
    assert kept([*wrapped, whole]) == wrapped


def test_what_is_long_ago_is_forgotten() -> None:
    copies = Copies(SLL2)
    for number in range(10_000):
        packet = Seen(seq=number * 1448, number=number, at_ns=number * MS).packet()
        _, segment = dissect(packet.data, SLL2, (445,))
        assert segment is not None
        assert not copies.is_copy(packet, segment)
    assert len(copies._sent) == len(copies._places) == NUMBERED_NS // MS + 1


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 30_000), st.integers(88, 3000)),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_any_stream_is_kept_once(
    writes: list[tuple[bool, int, int]], random: "random_module.Random"
) -> None:
    """Some packets are sent again; each is seen in whole above and in pieces below."""
    expected: list[Seen] = []
    seen: list[Seen] = []
    seq, number, at_ns = 0, 1, 0
    for is_lost, size, piece in writes:
        for is_again in (False, True)[: 1 + is_lost]:
            whole = Seen(seq=seq, size=size, number=number, at_ns=at_ns, clock=1 + is_again)
            number += -(-size // piece)
            expected.append(whole)
            below = pieces(whole, piece)
            seen.append(whole)
            seen += [] if is_lost and not is_again and random.random() < 0.5 else below
            at_ns += MS
        seq += size
    assert kept(seen) == expected


def test_a_storm_of_acknowledgements_is_not_compared_with_itself() -> None:
    storm = [Seen(size=0, number=at, at_ns=at * MS // 100) for at in range(1000)]
    copies = Copies(SLL2)
    for one in storm:
        packet = one.packet()
        _, segment = dissect(packet.data, SLL2, (445,))
        assert segment is not None
        assert not copies.is_copy(packet, segment)
    assert [len(alike) for alike in copies._sent.values()] == [64]
    assert kept([*storm, replace(storm[-1], on=CARD, at_ns=10 * MS)]) == storm
