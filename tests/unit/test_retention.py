"""What goes and what stays, against a plain model; and that nothing else is ever touched."""

import os
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from aod import names, retention
from aod.retention import Entry, Reason, Removal

HOUR_NS = 3600 * 10**9
NOW_NS = 1_700_000_000 * 10**9
NO_LIMIT = 1 << 60


def entry(timestamp: int, size_bytes: int = 100) -> Entry:
    return Entry(timestamp, names.archive(timestamp), size_bytes)


def write(path: Path, size_bytes: int = 100) -> Path:
    path.write_bytes(b"x" * size_bytes)
    return path


def model(entries: list[Entry], now_ns: int, max_age_ns: int, max_bytes: int) -> set[Entry]:
    """The rules one bundle at a time, as the manual says them."""
    staying = [e for e in entries if now_ns - e.timestamp <= max_age_ns]
    while len(staying) > 1 and sum(e.size_bytes for e in staying) > max_bytes:
        staying.remove(min(staying, key=lambda e: e.timestamp))
    return set(entries) - set(staying)


@given(
    bundles=st.dictionaries(
        st.integers(NOW_NS - 100, NOW_NS + 10), st.integers(0, 50), max_size=12
    ),
    max_age_ns=st.integers(0, 120),
    max_bytes=st.integers(0, 300),
    random=st.randoms(),
)
def test_plan_agrees_with_the_model(
    bundles: dict[int, int], max_age_ns: int, max_bytes: int, random: Random
) -> None:
    entries = [entry(timestamp, size) for timestamp, size in bundles.items()]
    random.shuffle(entries)
    removals = retention.plan(entries, NOW_NS, max_age_ns, max_bytes)
    gone = [removal.entry for removal in removals]
    assert set(gone) == model(entries, NOW_NS, max_age_ns, max_bytes)
    assert gone == sorted(gone)


def test_each_removal_says_why() -> None:
    old, middle, new = (entry(NOW_NS - hours * HOUR_NS) for hours in (50, 2, 1))
    assert retention.plan([new, old, middle], NOW_NS, 48 * HOUR_NS, 150) == [
        Removal(old, Reason.AGE),
        Removal(middle, Reason.SIZE),
    ]


def test_the_newest_stays_although_it_alone_is_too_large() -> None:
    assert retention.plan([entry(NOW_NS, 1000)], NOW_NS, HOUR_NS, 10) == []


def test_the_newest_goes_when_it_is_too_old() -> None:
    newest = entry(NOW_NS - 2 * HOUR_NS)
    assert retention.plan([newest], NOW_NS, HOUR_NS, NO_LIMIT) == [Removal(newest, Reason.AGE)]


def test_a_timestamp_of_the_future_is_not_old() -> None:
    assert retention.plan([entry(NOW_NS + HOUR_NS)], NOW_NS, 0, NO_LIMIT) == []


def test_scan_sees_sealed_bundles_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / names.archive(12), 7)
    for other in (
        "notes.txt",
        names.unfinished(13),
        "aod_.tar.zst",
        "aod_1.tar.gz",
        "aod_٣.tar.zst",
    ):
        write(tmp_path / other)
    (tmp_path / names.folder(14)).mkdir()
    (tmp_path / names.archive(15)).mkdir()
    (tmp_path / names.archive(16)).symlink_to(tmp_path / names.archive(12))
    os.mkfifo(tmp_path / names.archive(17))
    assert retention.scan(tmp_path) == [Entry(12, names.archive(12), 7)]


def test_age_comes_from_the_name_not_from_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / names.archive(NOW_NS))
    os.utime(path, ns=(0, 0))
    assert retention.plan(retention.scan(tmp_path), NOW_NS, HOUR_NS, NO_LIMIT) == []


def test_delete_removes_one_bundle_and_says_when_it_was_gone(tmp_path: Path) -> None:
    write(tmp_path / names.archive(1))
    write(tmp_path / names.archive(2))
    assert retention.delete(tmp_path, entry(1))
    assert not retention.delete(tmp_path, entry(1))
    assert [path.name for path in tmp_path.iterdir()] == [names.archive(2)]


def test_links_lead_to_no_deletion_outside(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside")
    output = tmp_path / "output"
    output.mkdir()
    (output / names.archive(1)).symlink_to(outside)
    (output / names.archive(2)).hardlink_to(outside)
    assert [e.timestamp for e in retention.scan(output)] == [2]
    retention.delete(output, entry(1))
    retention.delete(output, entry(2))
    assert outside.read_bytes()
