"""The ways in which a guest can end are errors of their own, each with the end of its console."""

from pathlib import Path
from threading import Event

import pytest

from scripts.vm.boot import PRIVATE, Limit, run_guest
from scripts.vm.errors import (
    GuestLostError,
    GuestPanicError,
    GuestProgramError,
    GuestStoppedError,
    GuestTimeoutError,
)

pytestmark = pytest.mark.vm

TIMEOUT_S = 60


def in_guest(script: str, results: Path, timeout_s: float = TIMEOUT_S) -> str:
    return run_guest(["sh", "-c", script], results, limit=Limit(timeout_s)).console


def test_results_and_status_come_out(tmp_path: Path) -> None:
    with pytest.raises(GuestProgramError, match="ended with 7") as caught:
        in_guest("echo 'a result' > /results/it; echo last words; exit 7", tmp_path)
    assert caught.value.status == 7
    assert "last words" in caught.value.console_tail
    assert (tmp_path / "it").read_text() == "a result\n"


def test_panic_is_called_a_panic(tmp_path: Path) -> None:
    with pytest.raises(GuestPanicError, match="sysrq triggered crash"):
        in_guest("echo c > /proc/sysrq-trigger", tmp_path)
    assert "Kernel panic" in (tmp_path / PRIVATE / "console.log").read_text()


def test_guest_that_goes_off_early_is_lost(tmp_path: Path) -> None:
    with pytest.raises(GuestLostError, match="before its program had ended"):
        in_guest("echo o > /proc/sysrq-trigger; exec tail -f /dev/null", tmp_path)


def test_hanging_guest_is_switched_off(tmp_path: Path) -> None:
    with pytest.raises(GuestTimeoutError, match="still running after 12 s"):
        in_guest("echo hanging; exec tail -f /dev/null", tmp_path, timeout_s=12)


def test_unwanted_guest_is_switched_off(tmp_path: Path) -> None:
    stop = Event()
    with pytest.raises(GuestStoppedError, match="no longer wanted"):
        run_guest(
            ["sh", "-c", "echo working; exec tail -f /dev/null"],
            tmp_path,
            limit=Limit(TIMEOUT_S, stop),
            on_line=lambda _line: stop.set(),
        )
    assert "working" in (tmp_path / PRIVATE / "console.log").read_text()
