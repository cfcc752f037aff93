"""Sources that do what they should not: the bundle is sealed, and says what happened."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.vm.guest.wait import wait_until
from tests.kernel.faults import FAKED, Faulty, faulty
from tests.kernel.fuse import hanging_file


@pytest.fixture
def rig(tmp_path: Path, pin_dir: Path) -> Iterator[Faulty]:
    with faulty(tmp_path, pin_dir) as found:
        yield found


def test_sources_that_misbehave(rig: Faulty) -> None:
    pid = rig.daemon.process.pid
    expected = {
        "trap '' TERM INT HUP; while :; do sleep 1000; done": ("timed_out", -9),
        "exec yes": ("truncated", None),
        "echo half; echo why >&2; exit 3": ("failed", 3),
    }
    for script, (status, exit_status) in expected.items():
        rig.fake(script)
        (source,) = rig.sources(rig.capture())
        assert source["status"] == status
        if exit_status is not None:
            assert source["exit_status"] == exit_status
    assert source["stderr_tail"] == "why\n"
    rig.check_well(pid)


def test_a_source_that_does_not_exist(rig: Faulty) -> None:
    rig.fake(None)
    (source,) = rig.sources(rig.capture())
    assert (source["status"], source["exit_status"]) == ("missing", None)
    assert "no such program" in source["note"]
    rig.check_well(rig.daemon.process.pid)


def test_a_reader_that_not_even_a_signal_ends_is_abandoned(rig: Faulty, tmp_path: Path) -> None:
    try:
        with hanging_file(tmp_path / "fuse") as hanging:
            rig.fake(f"exec cat {hanging.path}")
            (source,) = rig.sources(rig.capture())
            assert hanging.asked.is_set()
            assert (source["status"], source["exit_status"]) == ("abandoned", None)
            (source,) = rig.sources(rig.capture())
            assert source["note"].startswith("not run: an earlier one still hangs")
            assert len(rig.leftovers()) == 1
    except PermissionError as error:
        pytest.skip(f"FUSE is not mounted here: {error}")
    wait_until(lambda: not rig.leftovers(), "the reader's end")
    rig.check_well(rig.daemon.process.pid)
    assert FAKED not in rig.daemon.log()
