"""What a work folder says that it holds is believed only if it does."""

import tracemalloc
from pathlib import Path

import pytest
from msgspec.structs import replace

from aod.actions.result import Source, Status, not_run
from aod.bundles import progress
from aod.files import sha256


def source(folder: Path, name: str, content: bytes = b"x") -> Source:
    path = folder / f"{name}.log"
    path.write_bytes(content)
    plain = not_run(name, "", Status.OK, path.name, (name,))
    return replace(plain, bytes=len(content), sha256=sha256(path))


def test_a_new_folder_holds_nothing(tmp_path: Path) -> None:
    found = progress.read(tmp_path)
    assert (found.kept, found.interrupted) == ({}, 0)


def test_what_was_noted_is_kept_by_action(tmp_path: Path) -> None:
    made = progress.read(tmp_path)
    one, other = source(tmp_path, "one"), source(tmp_path, "other")
    made.note([one, replace(one, command=("again",))])
    made.take_over()
    made.note([other])
    found = progress.read(tmp_path)
    assert {name: len(sources) for name, sources in found.kept.items()} == {"one": 2, "other": 1}
    assert (found.interrupted, made.interrupted) == (1, 1)


@pytest.mark.parametrize("content", [None, b"", b"y", b"xx"])
def test_a_file_that_changed_is_not_kept(tmp_path: Path, content: bytes | None) -> None:
    made = progress.read(tmp_path)
    made.note([source(tmp_path, "one")])
    (tmp_path / "one.log").unlink()
    if content is not None:
        (tmp_path / "one.log").write_bytes(content)
    assert progress.read(tmp_path).kept == {}


def test_a_line_that_was_cut_costs_only_itself(tmp_path: Path) -> None:
    made = progress.read(tmp_path)
    made.note([source(tmp_path, "one")])
    with (tmp_path / progress.FILE).open("ab") as file:
        file.write(b'{"type":"done","sour')
    made.note([source(tmp_path, "other")])
    assert set(progress.read(tmp_path).kept) == {"one", "other"}


def test_a_large_file_is_looked_at_in_pieces(tmp_path: Path) -> None:
    made = progress.read(tmp_path)
    made.note([source(tmp_path, "one", bytes(8 << 20))])
    tracemalloc.start()
    assert set(progress.read(tmp_path).kept) == {"one"}
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 1 << 20


@pytest.mark.parametrize("name", ["../outside", "", "link"])
def test_nothing_outside_is_believed(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    outside = source(tmp_path, "outside")
    (folder / "link.log").symlink_to(tmp_path / "outside.log")
    made = progress.read(folder)
    made.note([replace(outside, file=f"{name}.log" if name else "")])
    assert progress.read(folder).kept == {}
