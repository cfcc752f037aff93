"""A reader of the client's files that hangs in the kernel stays the only one.

A FUSE file that never answers stands for a file of /proc/fs/cifs whose lock is never released: that
cannot be brought about here. Its readers cannot be killed either."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.kernel.reader_lock import hanging, take
from scripts.vm.guest.wait import wait_until
from tests.kernel.fuse import HangingFile, hanging_file

COLLECT = """
import sys, time
from pathlib import Path
from aod.kernel.background_read import BackgroundRead
reading = BackgroundRead(Path(sys.argv[1]), Path(sys.argv[2]), 0.3)
while reading.result() is None:
    time.sleep(0.01)
print(reading.why_not)
"""
"""What collect does at its start, until it gives up; then it ends."""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[HangingFile]:
    try:
        with hanging_file(tmp_path / "fuse") as found:
            yield found
    except PermissionError as error:
        pytest.skip(f"FUSE is not mounted here: {error}")


def _readers(path: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(fd.readlink() == path for fd in (process / "fd").iterdir()):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_a_stage_that_is_restarted_starts_no_second_reader(
    file: HangingFile, tmp_path: Path
) -> None:
    argv = [sys.executable, "-c", COLLECT, str(file.path), str(tmp_path)]
    said = [subprocess.run(argv, stdout=-1, check=True, text=True).stdout for _ in range(3)]
    (pid,) = _readers(file.path)
    assert said[0] == "not read: it takes too long\n"
    for text in said[1:]:
        assert text.startswith(f"not read: an earlier reader of /proc/fs/cifs (pid {pid}, since ")
    assert take(tmp_path) is None


def test_when_it_is_gone_the_next_one_may_read(tmp_path: Path) -> None:
    try:
        with hanging_file(tmp_path / "fuse") as file:
            argv = [sys.executable, "-c", COLLECT, str(file.path), str(tmp_path)]
            subprocess.run(argv, check=True)
            assert take(tmp_path) is None
    except PermissionError as error:
        pytest.skip(f"FUSE is not mounted here: {error}")
    turn = wait_until(lambda: take(tmp_path), "the reader's end")
    turn.give_back()
    assert hanging(tmp_path) is None
