"""A work folder is there while its maker lives, and a dead maker's is told from a live one's."""

import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from aod import names, workfolder
from aod.workfolder import BusyError, work_folder


def test_it_is_new_private_and_gone_afterwards(tmp_path: Path) -> None:
    with work_folder(tmp_path, 7) as folder:
        assert folder == tmp_path / "aod_7"
        assert folder.stat().st_mode & 0o777 == 0o750
        (folder / "file").touch()
        (tmp_path / names.unfinished(7)).touch()
    assert list(tmp_path.iterdir()) == []


def test_it_is_gone_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), work_folder(tmp_path, 7):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_it_has_one_maker(tmp_path: Path) -> None:
    with work_folder(tmp_path, 7) as folder:
        (folder / "file").touch()
        with pytest.raises(BusyError), work_folder(tmp_path, 7):
            pass
        assert workfolder.remove_leftovers(tmp_path) == []
        assert (folder / "file").exists()


def test_a_leftover_is_removed_before_it_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "aod_7" / "sub").mkdir(parents=True)
    (tmp_path / "aod_7" / "partial.log").touch()
    with work_folder(tmp_path, 7) as folder:
        assert list(folder.iterdir()) == []


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
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
    (output / "aod_9").symlink_to(outside)
    assert workfolder.remove_leftovers(output) == [7, 8]
    assert {path.name for path in output.iterdir()} == kept | {"aod_9"}
    assert (outside / "precious").exists()


def _hold(output_dir: Path, ready: Event) -> None:
    with work_folder(output_dir, 7) as folder:
        (folder / "partial.log").touch()
        ready.set()
        signal.pause()


def test_a_killed_makers_folder_is_a_leftover_at_once(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    maker = fork.Process(target=_hold, args=(tmp_path, ready), daemon=True)
    maker.start()
    assert ready.wait(10)
    assert workfolder.remove_leftovers(tmp_path) == []
    assert maker.pid is not None
    os.kill(maker.pid, signal.SIGKILL)
    maker.join()
    assert workfolder.remove_leftovers(tmp_path) == [7]
    assert list(tmp_path.iterdir()) == []
