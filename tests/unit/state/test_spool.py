"""Entries go out and come back whole, or are refused; a hostile writer gains nothing."""

import os
import socket
import time
from pathlib import Path

import msgspec
import pytest

from aod.anomaly import Cause
from aod.state import spool
from aod.state.spool import SpoolError
from tests.unit.samples import TIMESTAMP, anomaly


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / spool.FOLDER
    spool.prepare(path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_read(folder: Path) -> None:
    written = anomaly(evidence=bytes(range(256)), actions=("dmesg", "stats"))
    path = spool.write(folder, written)
    assert path == folder / f"{TIMESTAMP}.json"
    assert spool.read(path) == written
    assert names(folder) == [path.name]


def test_nothing_is_for_everybody(folder: Path) -> None:
    path = spool.write(folder, anomaly())
    assert folder.stat().st_mode & 0o777 == 0o750
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_same_anomaly_declared_again_is_one_entry(folder: Path) -> None:
    spool.write(folder, anomaly(count=11))
    path = spool.write(folder, anomaly(count=12))
    assert spool.pending(folder) == [path]
    assert spool.read(path).count == 12


def test_pending_is_sorted_by_number_and_knows_its_own(folder: Path) -> None:
    for timestamp in (100, 9, 20):
        spool.write(folder, anomaly(timestamp=timestamp))
    for other in (".5.json.tmp", "x.json", "7.rejected", "08.json"):
        (folder / other).touch()
    assert [path.stem for path in spool.pending(folder)] == ["9", "20", "100"]


def test_nothing_is_pending_without_a_folder(tmp_path: Path) -> None:
    assert spool.pending(tmp_path / "none") == []


def test_removing_twice_is_fine(folder: Path) -> None:
    path = spool.write(folder, anomaly())
    spool.remove(path)
    spool.remove(path)
    assert names(folder) == []


def test_a_killed_writer_leaves_nothing_that_stays(folder: Path) -> None:
    for leftover in (".77.json.tmp", f".77.json.{os.getpid()}.tmp", f".77.json.{1 << 70}.tmp"):
        (folder / leftover).write_text("{")
    spool.prepare(folder)
    path = spool.write(folder, anomaly())
    assert names(folder) == [path.name]


def test_what_another_writer_writes_stays(folder: Path) -> None:
    """The supervisor may write a request while detect is respawned."""
    writing = folder / f".77.json.{os.getppid()}.tmp"
    writing.write_text("{")
    spool.prepare(folder)
    assert names(folder) == [writing.name]


def test_a_failed_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        spool.write(folder, anomaly())
    assert names(folder) == []


def test_an_entry_too_large_to_be_read_is_not_written(folder: Path) -> None:
    with pytest.raises(SpoolError, match="bytes"):
        spool.write(folder, anomaly(evidence=bytes(spool.MAX_ENTRY_BYTES)))
    assert names(folder) == []


def change(folder: Path, **changes: object) -> Path:
    """An entry with some fields changed behind the schema's back."""
    fields = msgspec.json.decode(msgspec.json.encode(anomaly()))
    path = folder / f"{TIMESTAMP}.json"
    path.write_bytes(msgspec.json.encode(fields | changes))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": 1},
        {"timestamp": str(TIMESTAMP)},
        {"timestamp": f"../{TIMESTAMP}"},
        {"timestamp": float(TIMESTAMP)},
        {"surprise": 1},
        {"type": "batch"},
        {"evidence": "not base64!"},
        {"rule": "because"},
        {"count": None},
        {"trigger_ns": -1},
        {"trigger_ns": 1 << 63},
        {"evidence": "AAAA"},
    ],
)
def test_an_entry_that_is_not_an_anomaly_of_that_name_is_refused(
    folder: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(SpoolError):
        spool.read(change(folder, **changes))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 10_000])
def test_rubbish_is_refused(folder: Path, content: bytes) -> None:
    path = folder / "1.json"
    path.write_bytes(content)
    with pytest.raises(SpoolError):
        spool.read(path)


def test_a_huge_entry_is_refused_unread(folder: Path) -> None:
    path = folder / "1.json"
    with path.open("wb") as huge:
        huge.truncate(1 << 40)
    with pytest.raises(SpoolError, match="larger"):
        spool.read(path)


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    real = spool.write(folder, anomaly()).rename(tmp_path / f"{TIMESTAMP}.json")
    link = folder / real.name
    link.symlink_to(real)
    with pytest.raises(SpoolError, match="link"):
        spool.read(link)


def test_what_is_no_file_is_refused_without_waiting(folder: Path) -> None:
    os.mkfifo(folder / "1.json")
    (folder / "2.json").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "3.json"))
        found = spool.pending(folder)
        assert len(found) == 3
        for path in found:
            with pytest.raises(SpoolError):
                spool.read(path)


def test_what_is_set_aside_is_kept_but_not_pending(folder: Path) -> None:
    aside = spool.set_aside(change(folder, surprise=1))
    assert spool.pending(folder) == []
    assert b"surprise" in aside.read_bytes()


def test_only_the_newest_few_stay_aside(folder: Path) -> None:
    for timestamp in range(1, spool.MAX_SET_ASIDE + 6):
        spool.set_aside(spool.write(folder, anomaly(timestamp=timestamp)))
    assert sorted(int(path.stem) for path in folder.iterdir()) == list(
        range(6, spool.MAX_SET_ASIDE + 6)
    )


def test_a_link_set_aside_moves_nothing_else(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("precious")
    for timestamp in range(1, spool.MAX_SET_ASIDE + 3):
        link = folder / f"{timestamp}.json"
        link.symlink_to(outside)
        spool.set_aside(link)
    assert outside.read_text() == "precious"


def test_a_file_with_a_second_name_is_refused(folder: Path, tmp_path: Path) -> None:
    path = spool.write(folder, anomaly())
    (tmp_path / "other").hardlink_to(path)
    with pytest.raises(SpoolError, match="second name"):
        spool.read(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_a_person_asks_for_is_asked_by_root(folder: Path) -> None:
    path = spool.write(folder, anomaly(rule=Cause.MANUAL))
    assert spool.read(path).rule is Cause.MANUAL
    os.chown(path, 12345, 12345)
    with pytest.raises(SpoolError, match="user 12345 may not ask for a bundle"):
        spool.read(path)


def test_the_far_future_is_refused(folder: Path) -> None:
    ahead = time.time_ns() + spool.MAX_AHEAD_NS
    spool.check(anomaly(timestamp=ahead - 10**9))
    with pytest.raises(SpoolError, match="lies in the future"):
        spool.check(anomaly(timestamp=ahead + 10**12))


def test_it_has_an_end_but_for_what_a_person_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "MAX_PENDING", 2)
    for timestamp in (1, 2):
        spool.write(tmp_path, anomaly(timestamp=timestamp))
    with pytest.raises(SpoolError, match="2 others wait"):
        spool.write(tmp_path, anomaly(timestamp=3))
    spool.write(tmp_path, anomaly(timestamp=2))  # declared again, by a successor
    spool.write(tmp_path, anomaly(timestamp=4, rule=Cause.MANUAL))
    assert [path.name for path in spool.pending(tmp_path)] == ["1.json", "2.json", "4.json"]
