"""An archive appears under its name complete, or not at all."""

import gc
import os
import tarfile
from pathlib import Path

import pytest
import zstandard

from aod.bundles import archive
from tests.rig.bundles import unpack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "aod_7"
    path.mkdir()
    for name in ("b.log", "manifest.json", "a.log", "events.npy"):
        (path / name).write_bytes(name.encode() * 1000)
    return path


def seal(folder: Path, level: int = 3) -> Path:
    path = folder.with_name("sealed")
    first = ("manifest.json", "events.npy")
    archive.pack(folder, folder.with_name(".tmp"), level, first)
    size = archive.publish(folder.with_name(".tmp"), path)
    assert size == path.stat().st_size
    return path


@pytest.mark.parametrize("level", [1, 19])
def test_what_is_packed_is_unpacked_in_the_readers_order(folder: Path, level: int) -> None:
    packed = unpack(seal(folder, level))
    assert packed.folder == "aod_7"
    assert list(packed.files) == ["manifest.json", "events.npy", "a.log", "b.log"]
    assert packed.files["a.log"] == b"a.log" * 1000


def test_nothing_temporary_stays_and_nobody_else_reads_it(folder: Path) -> None:
    path = seal(folder)
    assert {entry.name for entry in folder.parent.iterdir()} == {folder.name, path.name}
    assert path.stat().st_mode & 0o777 == 0o640


def test_owners_are_not_told(folder: Path) -> None:
    (folder / "a.log").chmod(0o600)
    with seal(folder).open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file)
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            members = list(tar)
            assert len(members) == 5
            for member in members:
                assert (member.uid, member.gid, member.uname) == (0, 0, "root")
                assert member.mode == (0o750 if member.isdir() else 0o640)


def test_damage_is_noticed(folder: Path) -> None:
    path = seal(folder)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises((zstandard.ZstdError, tarfile.TarError)):
        unpack(path)


def test_a_full_disk_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        seal(folder)
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (folder / "link").symlink_to(tmp_path / "precious")
    assert "link" not in unpack(seal(folder)).files


def test_somebody_elses_file_is_not_written_to(folder: Path) -> None:
    precious = folder.with_name("precious")
    precious.write_text("precious")
    folder.with_name(".tmp").symlink_to(precious)
    with pytest.raises(FileExistsError):
        seal(folder)
    assert precious.read_text() == "precious"


def test_nothing_is_left_to_the_garbage_collector(folder: Path) -> None:
    """A compressor is megabytes; the collector may not come by for hours."""
    gc.collect()
    gc.disable()
    try:
        seal(folder)
        assert gc.collect() == 0
    finally:
        gc.enable()
