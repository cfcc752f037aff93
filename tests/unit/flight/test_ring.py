"""The ring's shape keeps to its size, and what lies in its folder is not trusted."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.flight import ring


@given(st.integers(4, 4096), st.integers(128, 262_144))
def test_a_ring_never_grows_beyond_its_size(ring_mb: int, snaplen: int) -> None:
    shape = ring.shape(ring_mb, snaplen)
    assert shape.files * shape.largest_bytes <= ring_mb << 20
    assert shape.files >= 2


def test_the_default_loses_a_sixteenth_at_a_time() -> None:
    assert ring.shape(16, 512)[:2] == (16, 1)


def test_names_are_those_of_tcpdump() -> None:
    assert ring.Shape(2, 1, 512).names() == ["ring.pcap0", "ring.pcap1"]
    assert "ring.pcap09" in ring.Shape(11, 1, 512).names()


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "packets"
    ring.prepare(folder, None)
    folder.chmod(0o755)
    ring.prepare(folder, None)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_in_the_folders_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(0o755)
    (tmp_path / "packets").symlink_to("elsewhere")
    with pytest.raises(OSError):
        ring.prepare(tmp_path / "packets", None)
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "packets"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    with pytest.raises(PermissionError):
        ring.prepare(folder, (12346, 12346))


def test_only_files_of_the_ring_are_read(tmp_path: Path) -> None:
    folder, outside = tmp_path / "packets", tmp_path / "shadow"
    ring.prepare(folder, None)
    outside.write_bytes(b"secret")
    (folder / "ring.pcap0").write_bytes(b"packets")
    (folder / "ring.pcap1").symlink_to(outside)
    (folder / "ring.pcap2").hardlink_to(outside)
    os.mkfifo(folder / "ring.pcap3")
    (folder / "ring.pcap4").mkdir()
    (folder / "notes").write_bytes(b"notes")
    assert list(ring.contents(folder)) == [b"packets"]


def test_no_ring_is_read_as_none(tmp_path: Path) -> None:
    assert list(ring.contents(tmp_path / "packets")) == []


def test_what_an_earlier_ring_left_is_overwritten_oldest_first(tmp_path: Path) -> None:
    shape = ring.Shape(4, 1, 128)
    for age, number in enumerate((3, 0, 1, 2, 11)):
        path = tmp_path / f"ring.pcap{number}"
        path.write_bytes(b"%d" % age)
        os.utime(path, (1000 - age, 1000 - age))
    (tmp_path / "else.pcap").write_bytes(b"x")
    ring.make_way(tmp_path, shape)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "ring.pcap1": b"2",
        "ring.pcap2": b"1",
        "ring.pcap3": b"0",
        "else.pcap": b"x",
    }


def test_what_is_larger_than_a_file_may_be_is_removed(tmp_path: Path) -> None:
    shape = ring.Shape(2, 1, 128)
    (tmp_path / "ring.pcap0").write_bytes(bytes(shape.largest_bytes + 1))
    ring.make_way(tmp_path, shape)
    assert list(tmp_path.iterdir()) == []


def test_one_file_is_never_in_the_way_of_a_restart(tmp_path: Path) -> None:
    """What was written last is all there is on a quiet host."""
    (tmp_path / "ring.pcap00").write_bytes(b"x")
    for _ in range(2):
        ring.make_way(tmp_path, ring.Shape(16, 1, 128))
        assert [path.name for path in tmp_path.iterdir()] == ["ring.pcap15"]


def test_removing_takes_the_rings_files_and_leaves_others(tmp_path: Path) -> None:
    folder = tmp_path / "packets"
    folder.mkdir()
    (folder / "ring.pcap0").write_bytes(b"x")
    (folder / "mine").write_bytes(b"x")
    ring.remove(folder)
    assert [path.name for path in folder.iterdir()] == ["mine"]
    (folder / "mine").unlink()
    ring.remove(folder)
    assert not folder.exists()
