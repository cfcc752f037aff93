"""A file never outgrows its cap, and keeps the end that it was told to keep."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.actions.output import Budget, FullError, Keep, OutputFile


def fill(path: Path, pieces: list[bytes], max_bytes: int, keep: Keep) -> OutputFile:
    file = OutputFile(path, max_bytes, keep, Budget(max_bytes))
    try:
        for piece in pieces:
            file.write(piece)
    except FullError:
        pass
    finally:
        file.close()
    return file


@given(pieces=st.lists(st.binary(max_size=40), max_size=20), max_bytes=st.integers(1, 100))
def test_the_start_or_the_end_is_kept(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], max_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("output")
    whole = b"".join(pieces)
    for keep, kept in (
        (Keep.START, whole[:max_bytes]),
        (Keep.END, whole[-max_bytes:]),
    ):
        file = fill(folder / keep.name, pieces, max_bytes, keep)
        assert (folder / keep.name).read_bytes() == kept
        assert file.size == len(kept)
        assert file.truncated == (len(whole) > max_bytes)


def test_the_end_of_more_than_fits_in_a_move_is_kept(tmp_path: Path) -> None:
    pieces = [bytes([n]) * 70_001 for n in range(20)]
    fill(tmp_path / "log", pieces, 300_000, Keep.END)
    assert (tmp_path / "log").read_bytes() == b"".join(pieces)[-300_000:]


def test_the_file_stays_small_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = OutputFile(path, 100_000, Keep.END, Budget(100_000))
    for _ in range(100):
        file.write(b"x" * 10_000)
        assert path.stat().st_size <= 200_000
    file.close()


def test_the_writer_is_told_to_stop(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "log", 10, Keep.START, Budget(10))
    file.write(b"x" * 10)
    with pytest.raises(FullError):
        file.write(b"y")
    file.close()
    assert (tmp_path / "log").read_bytes() == b"x" * 10


def test_it_is_not_for_everybody_and_never_somebody_elses(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "log", 10, Keep.START, Budget(10))
    file.close()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640
    with pytest.raises(FileExistsError):
        OutputFile(tmp_path / "log", 10, Keep.START, Budget(10))
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="exists"):
        OutputFile(tmp_path / "link", 10, Keep.START, Budget(10))
    assert not (tmp_path / "target").exists()


@given(
    sizes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=40),
    max_bytes=st.integers(1, 60),
    room=st.integers(0, 120),
)
def test_files_together_never_outgrow_the_bundle(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[tuple[int, int]],
    max_bytes: int,
    room: int,
) -> None:
    """And each keeps the start or the end of what was written to it."""
    folder, budget = tmp_path_factory.mktemp("output"), Budget(room)
    ways = [Keep.START, Keep.END, Keep.START, Keep.END]
    files = [OutputFile(folder / f"{n}", max_bytes, way, budget) for n, way in enumerate(ways)]
    written, stopped = [b""] * 4, [False] * 4
    for step, (number, size) in enumerate(sizes):
        if stopped[number]:
            continue
        data = bytes([step]) * size
        written[number] += data
        full = files[number].why_full
        try:
            files[number].write(data)
        except FullError:
            stopped[number] = True
        assert not (full and size) or stopped[number]
    for file in files:
        file.close()
    contents = [(folder / f"{n}").read_bytes() for n in range(4)]
    assert sum(map(len, contents)) <= room
    for way, content, whole, file in zip(ways, contents, written, files, strict=True):
        end = len(whole) - len(content)
        assert content == (whole[: len(content)] if way is Keep.START else whole[end:])
        assert file.truncated == (len(content) < len(whole))
        assert len(content) == min(len(whole), max_bytes) or "bundle is full" in file.note


def test_a_bundle_that_is_ended_takes_no_more(tmp_path: Path) -> None:
    budget = Budget(1000)
    file = OutputFile(tmp_path / "log", 100, Keep.START, budget)
    file.write(b"x" * 10)
    budget.end("the disk is nearly full")
    with pytest.raises(FullError):
        file.write(b"y")
    file.close()
    assert (tmp_path / "log").read_bytes() == b"x" * 10
    assert file.note == "the disk is nearly full"
