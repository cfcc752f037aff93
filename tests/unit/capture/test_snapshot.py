"""A snapshot is spooled and told; signals that come faster than bundles are one wish."""

import logging
import shutil
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from aod.anomaly import Anomaly, Cause
from aod.audit.entries import (
    CaptureBegun,
    CaptureFailed,
    CaptureInterrupted,
    CaptureRefused,
    CaptureSealed,
    Entry,
)
from aod.audit.log import AuditLog, why_no_bundle
from aod.capture import snapshot
from aod.capture.snapshot import Snapshots
from aod.config.schema import Config, Guardian, Watcher
from aod.detectors.latency import Latency
from aod.detectors.registry import RESERVED, sorted_out
from aod.settings import ActionName
from aod.state import spool
from tests.rig.configs import config
from tests.rig.stage import next_message, peers, spool_of

LOG = logging.getLogger("test")
DMESG, STATS, MOUNTS = ActionName.DMESG, ActionName.STATS, ActionName.MOUNTS


def spooled(made: Config) -> list[Anomaly]:
    return [spool.read(path) for path in spool.pending(spool_of(made))]


def test_it_collects_what_any_anomaly_collects_and_may(tmp_path: Path) -> None:
    first, second = Latency(actions=(STATS, DMESG)), Latency(actions=(MOUNTS, STATS))
    made = config(
        tmp_path,
        guardian=Guardian(anomalies={"a": first, "b": second}),
        watcher=Watcher(actions=(STATS, MOUNTS)),
    )
    assert snapshot.actions(made) == ("stats", "mounts")


def test_a_request_is_spooled_and_rings_the_bell(tmp_path: Path) -> None:
    made = config(tmp_path)
    with peers(made) as around:
        capture = around.inbox("capture")
        timestamp = snapshot.request(made, "for a test")
        sent = next_message(capture, Anomaly)
    assert [sent] == spooled(made)
    assert (sent.timestamp, sent.rule, sent.reason) == (timestamp, Cause.MANUAL, "for a test")
    assert (sent.anomaly, sent.name) == ("Snapshot", "snapshot")
    assert snapshot.is_waiting(made, timestamp)


def test_wishes_that_come_together_are_one_and_one_more_waits_for_the_first(
    tmp_path: Path,
) -> None:
    made = config(tmp_path)
    snapshots = Snapshots(made, LOG)
    snapshots.tick()
    assert spooled(made) == []
    snapshots.wish("first")
    snapshots.wish("second")
    snapshots.tick()
    (first,) = spooled(made)
    for reason in ("third", "fourth"):
        snapshots.wish(reason)
        snapshots.tick()
    assert spooled(made) == [first]
    spool.remove(spool.pending(spool_of(made))[0])  # sealed
    snapshots.tick()
    snapshots.tick()
    (last,) = spooled(made)
    assert (first.reason, last.reason) == ("second", "fourth")
    assert last.timestamp > first.timestamp


def test_one_that_cannot_be_spooled_is_said_and_the_next_one_is_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = config(tmp_path)
    shutil.rmtree(spool_of(made))
    snapshots = Snapshots(made, LOG)
    snapshots.wish("first")
    snapshots.tick()
    assert "no snapshot" in caplog.text
    spool.prepare(spool_of(made))
    snapshots.wish("second")
    snapshots.tick()
    assert [one.reason for one in spooled(made)] == ["second"]


class Snapshot(Latency, frozen=True):
    """A stranger's type of that name."""


def test_no_type_of_a_configuration_has_its_name() -> None:
    entry = EntryPoint("Snapshot", f"{__name__}:Snapshot", "aod.detectors")
    found = sorted_out([entry])
    assert RESERVED not in found.offers
    assert [one.why for one in found.refusals] == ["aodv2 offers that type already"]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (CaptureRefused(timestamp=1, why="no space"), "it was refused: no space"),
        (CaptureFailed(timestamp=1, why="disk", attempt=4), "it failed: disk"),
        (CaptureInterrupted(timestamp=1, why="stop"), "it was interrupted: stop"),
        (
            CaptureSealed(timestamp=1, bundle="", size_bytes=1, duration_sec=1, sources={}),
            "it was sealed, and has been deleted since",
        ),
        (
            CaptureBegun(timestamp=1),
            "it was refused or failed permanently; the daemon's log says why",
        ),
    ],
)
def test_the_audit_log_says_what_became_of_it(tmp_path: Path, record: Entry, why: str) -> None:
    made = config(tmp_path)
    AuditLog(made, LOG).write(record)
    AuditLog(made, LOG).write(CaptureRefused(timestamp=2, why="another's"))
    assert why_no_bundle(made, 1) == why
