"""SUMMARY.txt: what a person reads first, and what strangers' names cannot do to it."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from aod.actions.result import Mount, Source, Status, not_run
from aod.anomaly import Anomaly, Breakdown, Cause, Operation, Part, Relation
from aod.bundles import summary
from aod.bundles.manifest import CifsModule, Events, File, Identity, Manifest, Replaced
from aod.text import utc_now
from tests.unit.samples import TIMESTAMP, anomaly, operation

WORDS = st.text(max_size=100) | st.just("many words " * 99) | st.just("x" * 999)


def source(name: str, status: Status, note: str = "") -> Source:
    return not_run(name, note, status, f"{name}.log", (name,))


SOURCES = (
    source("dmesg", Status.OK),
    source("debugdata", Status.OK),
    source("smbinfo", Status.MISSING, "no such program in PATH"),
    source("journalctl", Status.TIMED_OUT),
)
FILES = (
    "anomaly.json",
    "debugdata.log",
    "dmesg.log",
    "events.npy",
    "journalctl.log",
    "smbinfo.log",
)


def told(**changes: Any) -> Manifest:
    plain = Manifest(
        created=utc_now(),
        host="client7",
        kernel="6.1.0",
        cifs=CifsModule(loaded=True, version="2.40"),
        mounts=(Mount("//srv/share", "/mnt/a", "cifs", "rw"),),
        anomaly=Identity("Latency", TIMESTAMP, "latency", Cause.COUNT),
        related=(Relation(TIMESTAMP + 1, "Error", "failed"),),
        events=Events(
            file="events.npy",
            records=1039,
            before_trigger=1000,
            first_end_ns=1,
            last_end_ns=9,
            trigger_ns=5,
            note="",
        ),
        sources=SOURCES,
        losses={"dropped_ring_full": 3, "gave_up": 0},
        files=tuple(File(name, 100, "ab", "A file.") for name in FILES),
    )
    return replace(plain, **changes)


def read_by_python(**changes: Any) -> Operation:
    plain = {"latency_ns": 83_400_000, "command": "SMB2_CREATE", "pid": 136, "comm": "python"}
    return operation(**(plain | {"share": "//srv/share"} | changes))


def declared(**changes: Any) -> Anomaly:
    parts = (Part("//srv/share", 11),)
    breakdown = Breakdown(
        records=11,
        commands=(),
        statuses=(),
        sessions=(),
        trees=parts,
        tasks=(Part("python[136]", 9),),
    )
    plain = {"worst": (read_by_python(),), "breakdown": breakdown, "suppressed": 4}
    return anomaly(**(plain | changes))


def test_it_answers_what_a_person_asks_first() -> None:
    assert (
        summary.text(told(), declared())
        == f"""\
aod_1700000000123456789, AODv2 {told().aod_version}, Linux 6.1.0, cifs 2.40
what       Latency 'latency': 11 operations slower than their threshold within 1
           s
when       2023-11-14 22:13:20.123 UTC on client7
rule       11 matches in 1 s, limit 10; 4 triggers suppressed before
where      //srv/share 11; mounted: //srv/share on /mnt/a
tasks      python[136] 9
worst      SMB2_CREATE of python[136] took 83.4 ms
related    aod_1700000000123456790 (failed)
evidence   1,039 operations (1,000 before the trigger), debugdata.log, dmesg.log
missing    smbinfo missing: no such program in PATH; journalctl timed out
losses     dropped_ring_full 3
open first anomaly.json, events.npy, debugdata.log
"""
    )


def test_what_a_log_does_not_have_is_missing_though_it_was_read() -> None:
    note = "journald dropped 23 messages of kubelet.service"
    said = summary.text(told(sources=(source("journalctl", Status.OK, note),)), declared())
    assert f"missing    journalctl: {note}" in said
    other = told(sources=(source("mounts", Status.OK, "taken after an interruption"),))
    assert "missing    nothing" in summary.text(other, declared())


def test_shares_of_another_namespace_are_not_denied() -> None:
    said = " ".join(summary.text(told(mounts=()), declared()).split())
    assert "no cifs file system is mounted here: in another mount namespace, or no longer" in said
    nowhere = declared(breakdown=replace(declared().breakdown, trees=()))
    assert "no cifs file system is mounted\n" in summary.text(told(mounts=()), nowhere)


def asked(status: Status, note: str = "") -> Source:
    return source("smbinfo", status, note)


def test_of_many_mounts_it_says_how_many_answered() -> None:
    limit = "not asked (limit): the 5 s for all of them were over"
    hidden = "not asked (hidden by another mount): //srv/new on /mnt/a"
    sources = (
        *[asked(Status.OK)] * 40,
        *[asked(Status.TIMED_OUT)] * 2,
        *[asked(Status.MISSING, limit)] * 17,
        asked(Status.MISSING, hidden),
        source("journalctl", Status.FAILED, "why"),
    )
    text = " ".join(summary.text(told(sources=sources), declared()).split())
    assert (
        "missing smbinfo: 40 answered, 2 timed out, 17 not asked (limit), 1 not asked"
        " (hidden by another mount); journalctl failed: why losses" in text
    )


def test_of_mounts_that_all_answered_it_says_nothing() -> None:
    text = summary.text(told(sources=(asked(Status.OK), asked(Status.OK))), declared())
    assert "missing    nothing" in text


def test_a_mount_that_is_hidden_is_marked() -> None:
    mount = Mount("//srv/old", "/mnt/a", "cifs", "rw", "hidden by another mount: //srv/new")
    text = summary.text(told(mounts=(mount,)), declared())
    assert "//srv/old on /mnt/a (hidden by another mount: //srv/new)" in " ".join(text.split())


def test_a_hanging_operation_has_other_files_to_open() -> None:
    hangs = declared(worst=(read_by_python(state="in flight", status=""),))
    assert "open first anomaly.json, debugdata.log, dmesg.log, events.npy" in summary.text(
        told(), hangs
    )


def with_packets(note: str) -> Manifest:
    packets = replace(source("tcpdump", Status.OK, note), file="tcpdump.pcap")
    files = tuple(File(name, 100, "ab", "A file.") for name in (*FILES, "tcpdump.pcap"))
    return told(sources=(*SOURCES, packets), files=files)


def test_what_is_known_of_the_packets_is_said_and_what_they_are_good_for() -> None:
    note = "400 packets, without 380 copies seen on another interface"
    text = summary.text(with_packets(note), declared())
    assert """
packets    400 packets, without 380 copies seen on another interface; latencies
           are those of events.npy: Wireshark's smb2.time sees the first segment
           of a message
losses """ in text  # fmt: skip
    assert "smb2.time" not in summary.text(told(), declared())


def test_what_was_done_to_the_bundle_is_said() -> None:
    changed = told(interrupted=2, note="ended early: no space", redacted=(Replaced("users", 3),))
    text = summary.text(changed, declared())
    assert "redacted   users 3" in text
    assert "ended early: no space; capture was interrupted 2 times" in text


def test_a_bundle_that_nobody_declared_says_so() -> None:
    text = summary.text(told(losses={}), declared(rule=Cause.MANUAL, worst=()))
    assert "none: a person asked for this bundle" in text
    assert "losses     none counted" in text


@given(name=WORDS, reason=WORDS, host=WORDS, path=WORDS, note=WORDS, many=st.integers(1, 40))
@example(name="a b " * 99, reason="a b " * 99, host="h", path="p", note="a b " * 99, many=9)
def test_strangers_cannot_break_the_screen(
    name: str, reason: str, host: str, path: str, note: str, many: int
) -> None:
    parts = tuple(Part(f"{path}{number}", 1 << 60) for number in range(many))
    breakdown = Breakdown(
        records=1, commands=parts, statuses=parts, sessions=parts, trees=parts, tasks=parts
    )
    changed = told(
        host=host,
        note=note,
        interrupted=1,
        mounts=(Mount(path, path, "cifs", path),) * many,
        related=(Relation(TIMESTAMP, "Error", "x" * 64),) * many,
        sources=(
            *(source(name, Status.FAILED, note),) * many,
            replace(source("tcpdump", Status.OK, note), file="tcpdump.pcap"),
        ),
        redacted=(Replaced("users", 3),),
        files=(
            *(File(f"{number}{path}", 1, "", "") for number in range(many)),
            File("tcpdump.pcap", 1, "", ""),
        ),
    )
    worst = (read_by_python(comm=name, status=reason, error="EIO"),) * many
    text = summary.text(changed, declared(reason=reason, breakdown=breakdown, worst=worst))
    lines = text.splitlines()
    assert len(lines) <= 24
    assert all(len(line) <= summary.WIDTH and line.isprintable() for line in lines)
    assert lines[-1].startswith("open first")


def test_what_several_sources_lack_is_said_once() -> None:
    note = "not read: an earlier reader of /proc/fs/cifs (pid 7, since then) still hangs"
    sources = [
        source("debugdata", Status.ABANDONED, note),
        source("stats", Status.ABANDONED, note),
        source("cifs", Status.ABANDONED, note),
        source("cifs", Status.ABANDONED, note),
        source("smbinfo", Status.MISSING, "no such program in PATH"),
    ]
    text = summary.text(told(sources=tuple(sources)), declared())
    shown = " ".join(text[text.index("\nmissing") : text.index("\nlosses")].split())
    assert (
        shown
        == f"missing debugdata, stats, cifs abandoned: {note}; smbinfo missing: {sources[-1].note}"
    )
