"""Which processes used the processors: from a made-up /proc, and for real."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aod.actions.programs import busiest
from tests.unit.actions.fake_proc import add_task


def test_the_busiest_come_first_and_the_largest_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for pid in range(10, 100):
        add_task(tmp_path, pid, b"idle", "S", ticks=10_000, rss=1)
    (tmp_path / "5").mkdir()  # ended between the listing and the reading

    def meanwhile(_: float) -> None:
        add_task(tmp_path, 20, b"busy", "R", ticks=10_000)
        add_task(tmp_path, 98, b"idle", "S", ticks=10_050, rss=1)
        add_task(tmp_path, 99, b"large", "S", ticks=10_000, rss=5000)
        add_task(tmp_path, 100, b"new\n(x) y", "R", ticks=90)

    monkeypatch.setattr(time, "sleep", meanwhile)
    monkeypatch.setattr(time, "monotonic", iter((1.0, 2.0)).__next__)
    busiest.main("1", str(tmp_path))
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert header.startswith("91 processes; processor time during 1.00 s")
    per_tick = 100 / os.sysconf("SC_CLK_TCK")
    kib = 5000 * os.sysconf("SC_PAGE_SIZE") // 1024
    assert rows[0].split() == ["100", "R", f"{90 * per_tick:.1f}", "0", "new?(x)", "y"]
    assert rows[1].split()[:3] == ["98", "S", f"{50 * per_tick:.1f}"]
    assert ["99", "S", "0.0", str(kib), "large"] in [row.split() for row in rows]
    assert len(rows) <= 50


def test_on_this_host_it_finds_us() -> None:
    argv = (sys.executable, "-I", "-S", busiest.__file__, "0")
    told = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert told.stderr == ""
    assert len(told.stdout.splitlines()) > 3
