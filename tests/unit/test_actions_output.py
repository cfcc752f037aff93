"""A file never outgrows its cap, and keeps the end that it was told to keep."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aod.actions.output import FullError, Keep, OutputFile


def fill(path: Path, pieces: list[bytes], max_bytes: int, keep: Keep) -> OutputFile:
    file = OutputFile(path, max_bytes, keep)
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
    file = OutputFile(path, 100_000, Keep.END)
    for _ in range(100):
        file.write(b"x" * 10_000)
        assert path.stat().st_size <= 200_000
    file.close()


def test_the_writer_is_told_to_stop(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "log", 10, Keep.START)
    file.write(b"x" * 10)
    with pytest.raises(FullError):
        file.write(b"y")
    file.close()
    assert (tmp_path / "log").read_bytes() == b"x" * 10


def test_it_is_not_for_everybody_and_never_somebody_elses(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "log", 10, Keep.START)
    file.close()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640
    with pytest.raises(FileExistsError):
        OutputFile(tmp_path / "log", 10, Keep.START)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="exists"):
        OutputFile(tmp_path / "link", 10, Keep.START)
    assert not (tmp_path / "target").exists()
