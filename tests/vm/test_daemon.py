"""The harness's handling of a daemon, against a stand-in that keeps to the same contract."""

import os
import sys
from pathlib import Path

import pytest

from scripts.vm.guest import daemon as module
from scripts.vm.guest.daemon import Daemon, output_dir
from scripts.vm.guest.proc import named, session_members
from scripts.vm.guest.processes import LabError

STAND_IN = """\
#!{python}
import pathlib, signal, sys
def end(*_):
    print("stopping", file=sys.stderr)
    sys.exit(5)
signal.signal(signal.SIGTERM, end)
print("running; bundles go to", file=sys.stderr)
print("attached to the cifs client; watching", file=sys.stderr, flush=True)
if "--fail" in sys.argv:
    sys.exit(3)
pathlib.Path({output!r}, "aod_2.tar.zst").touch()
signal.pause()
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose daemon is the stand-in."""
    output = tmp_path / "out"
    output.mkdir()
    stand_in = tmp_path / "aod-supervisor"
    stand_in.write_text(STAND_IN.format(python=sys.executable, output=str(output)))
    stand_in.chmod(0o755)
    monkeypatch.setattr(module, "SUPERVISOR", stand_in)
    path = tmp_path / "aod.yaml"
    path.write_text(f"watch_interval_sec: 1\naod_output_dir: {output}  # elsewhere\n")
    return path


def test_daemon_is_watched_and_stopped(tmp_path: Path, config: Path) -> None:
    with Daemon(tmp_path / "log", config) as daemon:
        daemon.wait_until_watching()
        assert daemon.is_running()
        assert daemon.wait_for_bundle() == tmp_path / "out" / "aod_2.tar.zst"
        assert daemon.stop() == 5
    assert "stopping" in (tmp_path / "log").read_text()


def test_known_bundles_are_not_new(tmp_path: Path, config: Path) -> None:
    with Daemon(tmp_path / "log", config) as daemon:
        known = {daemon.wait_for_bundle()}
        with pytest.raises(LabError, match=r"in vain for a new bundle(.|\n)*attached"):
            daemon.wait_for_bundle(known, timeout_s=0)
    assert not daemon.is_running()


def test_waiting_ends_with_the_daemon(tmp_path: Path, config: Path) -> None:
    with (
        Daemon(tmp_path / "log", config, "--fail") as daemon,
        pytest.raises(LabError, match=r"the daemon ended with 3(.|\n)*attached"),
    ):
        daemon.wait_for_line("never said")
    assert daemon.wait_for_end() == 3


def test_configuration_without_an_output_folder(tmp_path: Path) -> None:
    (tmp_path / "aod.yaml").write_text("# aod_output_dir: /a\n")
    with pytest.raises(LabError, match="names no aod_output_dir"):
        output_dir(tmp_path / "aod.yaml")


def test_processes_are_found_by_session_and_name() -> None:

    assert os.getpid() in session_members(os.getsid(0))
    own = Path("/proc/self/comm").read_text().rstrip("\n")
    assert os.getpid() in named(own)
