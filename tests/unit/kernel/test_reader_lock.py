"""One reader at a time: the lock lives as long as the child that reads, and no longer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aod.files import UntrustedError
from aod.kernel import reader_lock
from aod.kernel.reader_lock import NAME, BusyError, Queue, Turn, clear, hanging, refused, take

PLENTY_SEC = 60.0


def got(runtime_dir: Path) -> Turn:
    """The turn, which is free."""
    turn = take(runtime_dir)
    assert turn is not None
    return turn


@contextmanager
def reader(runtime_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child that has the lock and does not end by itself."""
    turn = got(runtime_dir)
    child = subprocess.Popen(["sleep", "infinity"], pass_fds=turn.inherited)
    turn.started(child.pid)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def test_lock_is_held_as_long_as_the_child_lives(tmp_path: Path) -> None:
    with reader(tmp_path):
        assert take(tmp_path) is None
    got(tmp_path).give_back()


def test_child_of_a_parent_that_died_still_has_it(tmp_path: Path) -> None:
    """As of a stage that was killed: its successor starts no second reader."""
    code = (
        "import subprocess, sys; from pathlib import Path; from aod.kernel.reader_lock import take;"
        "turn = take(Path(sys.argv[1]));"
        "nobody = subprocess.DEVNULL;"
        "child = subprocess.Popen(['sleep', '600'], stdout=nobody, pass_fds=turn.inherited);"
        "turn.started(child.pid); print(child.pid)"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    child = int(subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True).stdout)
    assert take(tmp_path) is None
    os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + PLENTY_SEC
    while (turn := take(tmp_path)) is None:
        assert time.monotonic() < deadline
    turn.give_back()


def test_who_waits_gets_it_when_the_child_ends(tmp_path: Path) -> None:
    queue = Queue(tmp_path, PLENTY_SEC)
    with reader(tmp_path):
        assert queue.poll() is None
    turn = queue.poll()
    assert turn is not None
    turn.give_back()


def test_who_waited_long_enough_is_told_who_has_it(tmp_path: Path) -> None:
    before = refused()
    with (
        reader(tmp_path) as child,
        pytest.raises(
            BusyError,
            match=rf"^not read: an earlier reader of /proc/fs/cifs \(pid {child.pid}, since "
            r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\) has not ended$",
        ),
    ):
        Queue(tmp_path, 0).poll()
    assert refused() == before + 1


def test_nobody_waits_for_one_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_lock, "HANGS_SEC", 0)
    queue = Queue(tmp_path, PLENTY_SEC)
    with reader(tmp_path):
        assert queue.poll() is None  # it may have been the name of the one before
        with pytest.raises(BusyError, match=r"still hangs in the kernel$"):
            queue.poll()


def test_one_that_hangs_is_found_until_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hanging(tmp_path) is None
    with reader(tmp_path) as child:
        assert hanging(tmp_path) is None
        monkeypatch.setattr(reader_lock, "HANGS_SEC", 0)
        found = hanging(tmp_path)
        assert found is not None
        assert found.pid == child.pid
    assert hanging(tmp_path) is None


def test_a_lock_that_may_not_be_taken_does_not_end_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_lock, "HANGS_SEC", 0)
    (tmp_path / NAME).write_text(f"{os.getpid()} 1\n")
    (tmp_path / "second name").hardlink_to(tmp_path / NAME)
    assert hanging(tmp_path) is None


def test_lock_stays_at_the_end_of_a_daemon_while_a_reader_has_it(tmp_path: Path) -> None:
    with reader(tmp_path):
        clear(tmp_path)
        assert take(tmp_path) is None
    clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_lock_that_was_removed_is_made_again(tmp_path: Path) -> None:
    turn = got(tmp_path)
    (tmp_path / NAME).unlink()
    got(tmp_path).give_back()
    turn.give_back()


def test_nobody_else_can_open_it(tmp_path: Path) -> None:
    """Whoever can read a file can also lock it."""
    old = os.umask(0)
    try:
        got(tmp_path).give_back()
    finally:
        os.umask(old)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_links_and_fifos_in_its_place_are_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UntrustedError):
        take(tmp_path)
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / NAME).unlink()
    os.mkfifo(tmp_path / NAME)
    with pytest.raises(UntrustedError):
        take(tmp_path)


def test_folder_is_made_but_not_those_above_it(tmp_path: Path) -> None:
    """Where there is no place for a daemon there is nobody to agree with."""
    got(tmp_path / "run").give_back()
    assert (tmp_path / "run" / NAME).exists()
    turn = got(tmp_path / "no" / "run")
    assert turn.inherited == ()
    turn.started(1)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("content", [b"", b"1", b"x y", b"\xff" * 80])
def test_text_of_another_kind_names_nobody(tmp_path: Path, content: bytes) -> None:
    turn = got(tmp_path)
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(BusyError, match=r"^not read: an earlier reader has not ended$"):
        Queue(tmp_path, 0).poll()
    turn.give_back()
