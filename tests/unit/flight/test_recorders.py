"""Which recorders run is what the anomalies ask for; what is not wanted is not touched."""

import logging
from pathlib import Path

import pytest

from aod.config.rules import packets_folder
from aod.config.schema import Capture, Config, Guardian, Packets, Watcher
from aod.detectors.latency import Latency
from aod.flight import packets, recorders, trace
from aod.flight.recorders import Recorders
from aod.settings import ActionName

LOG = logging.getLogger("test")


def config(
    tmp_path: Path,
    *actions: ActionName,
    allowed: tuple[ActionName, ...] = tuple(ActionName),
    folder: Path | None = None,
) -> Config:
    return Config(
        guardian=Guardian(anomalies={"slow": Latency(actions=actions)}),
        watcher=Watcher(actions=allowed),
        capture=Capture(tcpdump=Packets(folder=folder)),
        runtime_dir=tmp_path,
    )


@pytest.fixture(autouse=True)
def harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        packets, "command", lambda *_: ["sh", "-c", "echo listening on >&2; sleep 60"]
    )
    monkeypatch.setattr(trace, "ROOTS", (tmp_path / "tracefs",))


def test_only_what_an_action_is_cut_from_runs(tmp_path: Path) -> None:
    one = Recorders(config(tmp_path, ActionName.DMESG), LOG)
    one.tick()
    assert one.counters() == {}
    assert list(tmp_path.iterdir()) == []
    one.close()


def test_an_action_that_is_not_allowed_needs_no_recorder(tmp_path: Path) -> None:
    narrow = config(tmp_path, ActionName.TCPDUMP, allowed=(ActionName.DMESG,))
    assert Recorders(narrow, LOG).counters() == {}


def test_the_ring_runs_from_the_first_tick_to_the_end(tmp_path: Path) -> None:
    one = Recorders(config(tmp_path, ActionName.TCPDUMP), LOG)
    while not one.counters()["packets_recording"]:
        one.tick()
    assert one.counters() == {
        "packets_recording": 1,
        "packets_restarts": 0,
        "packets_dropped": 0,
        "packets_reach_sec": 0,
    }
    assert packets_folder(config(tmp_path)).is_dir()
    one.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_users_own(tmp_path: Path) -> None:
    assert packets_folder(config(tmp_path, folder=tmp_path / "big")) == tmp_path / "big"


def test_without_tracefs_the_trace_is_missing_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = Recorders(config(tmp_path, ActionName.TRACE), LOG)
    one.tick()
    assert one.counters() == {"trace_recording": 0}
    assert "no tracefs" in caplog.text
    assert trace.where(config(tmp_path).pin_dir) == ""
    one.close()


def test_what_a_killed_capture_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "packets"
    folder.mkdir()
    (folder / "ring.pcap0").write_bytes(b"x")
    (tmp_path / "tracefs" / "instances" / "aod-aod").mkdir(parents=True)
    recorders.clear(config(tmp_path), LOG)
    assert not folder.exists()
    assert list((tmp_path / "tracefs" / "instances").iterdir()) == []
