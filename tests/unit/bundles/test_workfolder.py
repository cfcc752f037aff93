"""A work folder is there while its maker lives, and a dead maker's is told from a live one's."""

import fcntl
import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from aod.bundles import workfolder
from aod.bundles.workfolder import BusyError, work_folder
from aod.state import names


def test_it_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with work_folder(tmp_path, 7) as folder:
        assert folder == tmp_path / "aod_7"
        assert folder.stat().st_mode & 0o777 == 0o750
        (folder / "file").touch()
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_it_outlives_a_failure_but_no_unfinished_archive(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), work_folder(tmp_path, 7) as folder:
        (folder / "file").touch()
        (tmp_path / names.unfinished(7)).touch()
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.rglob("*")] == ["aod_7", "file"]
    with work_folder(tmp_path, 7) as folder:
        assert [path.name for path in folder.iterdir()] == ["file"]


def test_an_empty_one_is_gone_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), work_folder(tmp_path, 7):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_it_has_one_maker(tmp_path: Path) -> None:
    with work_folder(tmp_path, 7) as folder:
        (folder / "file").touch()
        with pytest.raises(BusyError), work_folder(tmp_path, 7):
            pass
        with pytest.raises(BusyError):
            workfolder.discard(tmp_path, 7)
        assert workfolder.is_busy(tmp_path, 7)
        assert (folder / "file").exists()


def test_one_that_was_finished_meanwhile_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another maker removes its folder between our opening and our locking it."""

    def finish_first(_fd: int, _operation: int) -> None:
        (tmp_path / "aod_7").rmdir()

    monkeypatch.setattr(fcntl, "flock", finish_first)
    with pytest.raises(BusyError), work_folder(tmp_path, 7):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (tmp_path / "aod_7").symlink_to(outside)
    with pytest.raises(OSError, match="aod_7"), work_folder(tmp_path, 7):
        pass
    with pytest.raises(OSError, match="aod_7"):
        workfolder.discard(tmp_path, 7)
    assert (outside / "precious").exists()


def test_leftovers_are_found_and_discarded_and_nothing_else(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    output = tmp_path / "output"
    (output / "aod_7").mkdir(parents=True)
    (output / "aod_7" / "link").symlink_to(outside)
    (output / names.unfinished(7)).touch()
    (output / names.unfinished(8)).touch()
    kept = {names.archive(7), "aod_x", "notes"}
    for name in kept:
        (output / name).touch()
    assert workfolder.leftovers(output) == [7, 8]
    for timestamp in (7, 8, 9):
        workfolder.discard(output, timestamp)
    assert {path.name for path in output.iterdir()} == kept
    assert (outside / "precious").exists()


def _hold(output_dir: Path, ready: Event) -> None:
    with work_folder(output_dir, 7) as folder:
        (folder / "partial.log").touch()
        ready.set()
        signal.pause()


def test_a_killed_makers_folder_is_free_at_once(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    maker = fork.Process(target=_hold, args=(tmp_path, ready), daemon=True)
    maker.start()
    assert ready.wait(10)
    assert workfolder.is_busy(tmp_path, 7)
    assert maker.pid is not None
    os.kill(maker.pid, signal.SIGKILL)
    maker.join()
    assert not workfolder.is_busy(tmp_path, 7)
    workfolder.discard(tmp_path, 7)
    assert list(tmp_path.iterdir()) == []
