"""aod record: its options, what it says at the end, and how it is told to stop."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from aod.cli.aod import main
from aod.cli.exits import STOP_SIGNALS, catch_stop
from aod.cli.record import render
from aod.recording.recorder import Recorded


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_duration_must_be_one(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["record", "file", "--seconds", seconds])
    assert ended.value.code == 2
    assert f"--seconds: {seconds} is no duration" in capsys.readouterr().err


def test_end_is_told_in_a_line() -> None:
    done = Recorded(records=1_234_567, seconds=60.04, dropped=0, size_bytes=3 << 20)
    assert render(Path("r"), done) == ("r: 1,234,567 records in 60.0 s, none dropped; 3,072.0 KiB")
    lossy = Recorded(records=1, seconds=1, dropped=2345, size_bytes=100)
    assert render(Path("r"), lossy) == "r: 1 records in 1.0 s, 2,345 DROPPED; 0.1 KiB"


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOP_SIGNALS)
@pytest.mark.usefixtures("handlers")
def test_each_signal_stops(number: signal.Signals) -> None:
    stopped = catch_stop()
    assert not stopped()
    os.kill(os.getpid(), number)
    assert stopped()
