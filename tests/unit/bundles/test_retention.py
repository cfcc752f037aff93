"""What goes and what stays, against a plain model; and that nothing else is ever touched."""

import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.bundles import retention
from aod.bundles.retention import Entry, Reason, Removal
from aod.files import opened_folder
from aod.state import names

HOUR_NS = 3600 * 10**9
NOW_NS = 1_700_000_000 * 10**9
NO_LIMIT = 1 << 60


def entry(timestamp: int, size_bytes: int = 100) -> Entry:
    return Entry(timestamp, names.archive(timestamp), size_bytes)


def write(path: Path, size_bytes: int = 100) -> Path:
    path.write_bytes(b"x" * size_bytes)
    return path


def scan(folder: Path) -> list[Entry]:
    with opened_folder(folder) as folder_fd:
        return retention.scan(folder_fd)


def delete(folder: Path, gone: Entry) -> bool:
    with opened_folder(folder) as folder_fd:
        return retention.delete(folder_fd, gone)


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
    assert scan(tmp_path) == [Entry(12, names.archive(12), 7)]


def test_age_comes_from_the_name_not_from_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / names.archive(NOW_NS))
    os.utime(path, ns=(0, 0))
    assert retention.plan(scan(tmp_path), NOW_NS, HOUR_NS, NO_LIMIT) == []


def test_delete_removes_one_bundle_and_says_when_it_was_gone(tmp_path: Path) -> None:
    write(tmp_path / names.archive(1))
    write(tmp_path / names.archive(2))
    assert delete(tmp_path, entry(1))
    assert not delete(tmp_path, entry(1))
    assert [path.name for path in tmp_path.iterdir()] == [names.archive(2)]


@given(sizes=st.lists(st.integers(0, 50), max_size=8), limit=st.integers(0, 200))
def test_there_is_room_as_long_as_nothing_would_go_for_its_size(
    sizes: list[int], limit: int
) -> None:
    entries = [entry(NOW_NS + number, size) for number, size in enumerate(sizes)]
    planned = retention.plan(entries, NOW_NS, NO_LIMIT, limit)
    assert retention.has_room(entries, limit) is (not planned)


@given(sizes=st.lists(st.integers(1, 50), max_size=30), limit=st.integers(1, 200))
def test_one_at_a_time_never_exceeds_the_limit_and_one_bundle(sizes: list[int], limit: int) -> None:
    there: list[Entry] = []
    for number, size in enumerate(sizes):
        before = max([limit, *(one.size_bytes for one in there[-1:])])  # the newest always stays
        there.append(entry(NOW_NS + number, size))
        assert sum(one.size_bytes for one in there) <= before + size
        gone = {one.entry for one in retention.plan(there, NOW_NS, NO_LIMIT, limit)}
        there = [one for one in there if one not in gone]
        assert there[-1].size_bytes == size


KINDS = (
    "bundle", "symlink", "symlink to a folder", "dangling", "hard link", "folder", "fifo",
    "unfinished", "work folder", "other",
)  # fmt: skip


def plant(kind: str, folder: Path, outside: Path, timestamp: int) -> Path:
    """Something under the name of a bundle, or near it."""
    path = folder / names.archive(timestamp)
    match kind:
        case "bundle":
            write(path)
        case "symlink":
            path.symlink_to(outside / "file")
        case "symlink to a folder":
            path.symlink_to(outside)
        case "dangling":
            path.symlink_to(outside / "nothing")
        case "hard link":
            path.hardlink_to(outside / "file")
        case "folder":
            path.mkdir()
            write(path / names.archive(timestamp))
        case "fifo":
            os.mkfifo(path)
        case "unfinished":
            path = write(folder / names.unfinished(timestamp))
        case "work folder":
            path = folder / names.folder(timestamp)
            path.mkdir()
            write(path / names.archive(timestamp))
        case _:
            path = write(folder / f"{names.archive(timestamp)}.part")
    return path


@given(st.lists(st.sampled_from(KINDS), max_size=12))
def test_whatever_lies_there_only_names_of_regular_files_go_and_nothing_outside(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str]
) -> None:
    base = tmp_path_factory.mktemp("retention")
    outside, folder = base / "outside", base / "output"
    outside.mkdir()
    folder.mkdir()
    write(outside / "file", 1000)
    write(outside / names.archive(1))
    planted = [plant(kind, folder, outside, number + 1) for number, kind in enumerate(kinds)]
    with opened_folder(folder) as folder_fd:
        for removal in retention.plan(retention.scan(folder_fd), NOW_NS, 0, 0):
            retention.delete(folder_fd, removal.entry)
    left = {path.name for path in folder.iterdir()}
    staying = {
        path.name
        for path, kind in zip(planted, kinds, strict=True)
        if kind not in ("bundle", "hard link")
    }
    assert left == staying
    assert (outside / "file").stat().st_size == 1000
    assert (outside / names.archive(1)).stat().st_size == 100
    for path, kind in zip(planted, kinds, strict=True):
        if kind in ("folder", "work folder"):
            assert len(list(path.iterdir())) == 1


def test_a_folder_that_is_exchanged_after_the_look_leads_nowhere(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "output"
    for path in (outside, folder):
        path.mkdir()
        write(path / names.archive(1))
    with opened_folder(folder) as folder_fd:
        (found,) = retention.scan(folder_fd)
        folder.rename(tmp_path / "moved")
        folder.symlink_to(outside)
        assert retention.delete(folder_fd, found)
    assert (outside / names.archive(1)).exists()
    assert not list((tmp_path / "moved").iterdir())


def test_a_bundle_that_became_a_link_after_the_look_stays(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside")
    path = write(tmp_path / names.archive(1))
    (found,) = scan(tmp_path)
    path.unlink()
    path.symlink_to(outside)
    assert not delete(tmp_path, found)
    assert path.is_symlink()
    assert outside.exists()
