"""Packets of a share behind a bond: each once, real retransmissions kept, and what tshark makes of
the bundle's."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aod.flight.cut import cut, in_order
from aod.flight.pcap import Packet, all_records, header
from tests.rig.bundles import Bundle
from tests.unit.packets import EN10MB, NS, SLL2, common
from tests.vm.evidence import bundles

SCENARIO = "bonded"
FOREVER_NS = 1 << 63
READ, WRITE = 8, 9
_FIELDS = ("frame.time_epoch", "smb2.cmd", "smb2.msg_id", "smb2.flags.response", "smb2.time")


def read(content: bytes) -> list[Packet]:
    about = header(content)
    assert about is not None
    return list(all_records(content, about))


@pytest.fixture(scope="module")
def bond(artefacts: Path) -> list[Packet]:
    """What the bond alone has seen."""
    return read((artefacts / "bond0.pcap").read_bytes())


@pytest.fixture(scope="module")
def bundle(artefacts: Path) -> Bundle:
    (one,) = bundles(artefacts)
    return one


def views(packets: list[Packet], kind: int) -> Counter[bytes]:
    return Counter(common(one.data, kind) for one in packets)


def test_the_cut_of_all_interfaces_is_what_the_bond_alone_has_seen(
    artefacts: Path, bond: list[Packet]
) -> None:
    content = (artefacts / "any.pcap").read_bytes()
    parts, _ = in_order([content])
    found = cut(parts, 0, FOREVER_NS, (445,), headers_only=False)
    of_all = read(content)
    assert found.copies + len(found.packets) == len(of_all)
    assert found.copies > len(bond) * 0.9
    # A tcpdump that is ended leaves unwritten what the kernel had not handed to it yet: up to a
    # second of packets, of either recorder.
    until_ns = min(bond[-1].time_ns, of_all[-1].time_ns)
    bond_until = [one for one in bond if one.time_ns <= until_ns]
    assert len(bond_until) > len(bond) * 0.9
    missing = views(bond_until, EN10MB) - views(found.packets, SLL2)
    assert not missing, "packets of the bond are missing"
    during = [one for one in found.packets if bond[0].time_ns <= one.time_ns <= until_ns]
    extra = views(during, SLL2) - views(bond, EN10MB)
    assert not extra, "copies were taken for packets"


def test_packets_that_were_sent_again_are_there_again(artefacts: Path) -> None:
    """Lost between the bond and the interface below, they were seen by the bond alone."""
    seen = tshark(artefacts / "bond0.pcap", "tcp.analysis.retransmission", "frame.number")
    assert len(list(seen)) > 5


def test_the_ring_leaves_out_what_the_bond_shows_as_well(
    facts: dict[str, Any], bundle: Bundle, bond: list[Packet]
) -> None:
    left_out = "".join(f" and not ifindex {number}" for number in sorted(facts["below"]))
    assert facts["filter"] == f"(tcp port 445){left_out}"
    packets = read(bundle.files["tcpdump.pcap"])
    during = [one for one in bond if packets[0].time_ns <= one.time_ns <= packets[-1].time_ns]
    assert abs(len(packets) - len(during)) < 0.01 * len(during)
    (source,) = (one for one in bundle.json("manifest.json")["sources"] if one["name"] == "tcpdump")
    assert source["note"].startswith(f"{len(packets):,} packets; the ring begins ")


class Seen(NamedTuple):
    """An SMB2 message, as tshark reads it."""

    at_sec: float
    command: int
    time_sec: float | None


def tshark(path: Path, shown: str, *fields: str) -> Iterator[list[str]]:
    """The fields of each packet that is shown. Its configuration would be root's: it has none."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    wanted = [word for field in fields for word in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-n", "-r", path, "-Y", shown, "-T", "fields", *wanted],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C"},
    )
    return (line.split("\t") for line in done.stdout.splitlines())


def messages(path: Path) -> dict[tuple[int, bool], Seen]:
    """By message id, and whether it is a response."""
    found = {}
    for at_sec, *columns in tshark(path, "smb2", *_FIELDS):
        commands, mids, kinds, times = (column.split(",") for column in columns)
        for at, mid in enumerate(mids):
            time = times[at] if at < len(times) else ""
            seen = Seen(float(at_sec), int(commands[at]), float(time) if time else None)
            found[int(mid), kinds[at] in ("1", "True")] = seen
    return found


@pytest.fixture(scope="module")
def by_tshark(
    bundle: Bundle, bond: list[Packet], artefacts: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[tuple[int, bool], Seen], dict[tuple[int, bool], Seen]]:
    """Of the bundle's packets, headers only; and of the same, with all their bytes."""
    folder = tmp_path_factory.mktemp("tshark")
    (folder / "cut.pcap").write_bytes(bundle.files["tcpdump.pcap"])
    return messages(folder / "cut.pcap"), messages(artefacts / "bond0.pcap")


def test_tshark_finds_every_message_compounds_included(
    by_tshark: tuple[dict[tuple[int, bool], Seen], ...], bundle: Bundle
) -> None:
    cut_only, whole = by_tshark
    times_sec = [seen.at_sec for seen in cut_only.values()]
    begin_sec, end_sec = min(times_sec), max(times_sec)
    during = {key: seen.command for key, seen in whole.items() if begin_sec < seen.at_sec < end_sec}
    assert len(during) > 100
    assert {key: seen.command for key, seen in cut_only.items() if key in during} == during
    compounded = Counter(seen.command for seen in cut_only.values())
    assert compounded.keys() >= {5, 6, 8, 9, 16, 17}


def test_of_tsharks_times_those_of_reads_and_writes_are_not_to_be_trusted(
    by_tshark: tuple[dict[tuple[int, bool], Seen], ...],
) -> None:
    """The only ones: SUMMARY.txt says so, and that latencies are those of events.npy. Where this
    fails because they are right, it does not have to any more."""
    cut_only, whole = by_tshark
    wrong = Counter(
        seen.command
        for key, seen in cut_only.items()
        if seen.time_sec and (other := whole.get(key)) and other.time_sec
        if abs(seen.time_sec - other.time_sec) > 0.0005
    )
    assert wrong[WRITE] > 5
    assert sum(wrong[one] for one in wrong if one not in (READ, WRITE)) <= 2


def test_latencies_of_writes_in_events_are_from_their_first_segment(
    by_tshark: tuple[dict[tuple[int, bool], Seen], ...], bundle: Bundle
) -> None:
    """No earlier than the packets: the client's own clock includes what they show."""
    cut_only, _ = by_tshark
    answered = {mid: seen for (mid, is_answer), seen in cut_only.items() if is_answer}
    checked = 0
    for event in bundle.events():
        seen = answered.get(int(event["mid"]))
        if event["command"] == WRITE and seen and seen.time_sec:
            assert int(event["latency_ns"]) / NS >= seen.time_sec - 0.001
            checked += 1
    assert checked > 5


def test_the_summary_says_what_the_packets_are_good_for(bundle: Bundle) -> None:
    text = " ".join(bundle.files["SUMMARY.txt"].decode().split())
    assert "latencies are those of events.npy: Wireshark's smb2.time sees the first segment" in text
