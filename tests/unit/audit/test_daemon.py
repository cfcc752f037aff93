"""What the supervisor tells the audit log: what was lost is told once, and not too often."""

import logging
import math
from collections.abc import Iterable
from pathlib import Path

from aod.audit.daemon import INTERVAL_SEC, DaemonAudit, Losses
from aod.audit.entries import Lost, Respawned, StageFailed, Started, Stopped
from aod.audit.forked import ForkedAudit
from aod.audit.log import AuditLog, read
from aod.transport.eventlog import EventLog
from aod.transport.wire import Health
from tests.rig.configs import config

LOG = logging.getLogger("aod.test")
RING_FULL = "operations: the kernel's ring was full"


def counts(found: Iterable[Lost]) -> list[int]:
    return [one.count for one in found]


def test_a_loss_is_told_once() -> None:
    losses = Losses({})
    losses.receive("collect", {"dropped": 0, "records": 7})
    assert list(losses.due(0)) == []
    losses.receive("collect", {"dropped": 3})
    assert list(losses.due(1)) == [Lost(lost=RING_FULL, count=3)]
    assert list(losses.due(math.inf)) == []


def test_a_loss_that_goes_on_is_told_once_a_minute_and_at_the_end() -> None:
    losses = Losses({})
    told = []
    for second in range(150):
        losses.receive("collect", {"dropped": second + 1})
        told += counts(losses.due(second))
    assert told == [1, INTERVAL_SEC, INTERVAL_SEC]
    assert counts(losses.due(math.inf)) == [150 - 1 - 2 * INTERVAL_SEC]


def test_what_a_predecessor_told_is_not_told_again() -> None:
    losses = Losses({("collect", "dropped"): 5})
    losses.receive("collect", {"dropped": 5})
    assert list(losses.due(0)) == []
    losses.receive("collect", {"dropped": 7})
    assert counts(losses.due(0)) == [2]


def test_a_counter_that_begins_anew_is_counted_anew() -> None:
    losses = Losses({})
    losses.receive("collect", {"malformed": 5})
    assert counts(losses.due(0)) == [5]
    losses.receive("collect", {"malformed": 2})
    assert counts(losses.due(INTERVAL_SEC)) == [2]


def test_other_stages_counters_of_that_name_are_no_loss() -> None:
    losses = Losses({})
    losses.receive("cleanup", {"dropped": 5})
    assert list(losses.due(0)) == []


def test_the_life_of_a_daemon_is_in_the_log(tmp_path: Path) -> None:
    made = config(tmp_path)
    audit = DaemonAudit(ForkedAudit(AuditLog(made, LOG), LOG))
    event_log = EventLog.create(made.runtime_dir, 1)
    event_log.header["stats"]["dropped_ring_full"][5] = 2
    audit.start(Path("/etc/aod/aod.yaml"), event_log)
    audit.receive(Health("collect", 1, "ready", {"dropped": 4}))
    audit.respawned("detect", "killed by SIGKILL", respawn_at=0)
    audit.write(StageFailed(stage="detect", how="killed by SIGKILL"))
    audit.stop("SIGTERM", 0)
    started, respawned, failed, lost, stopped = read(made)
    assert isinstance(started, Started)
    assert started.config == "/etc/aod/aod.yaml"
    assert isinstance(respawned, Respawned)
    assert (respawned.stage, respawned.delay_sec) == ("detect", 0)
    assert isinstance(failed, StageFailed)
    assert isinstance(lost, Lost)
    assert (lost.lost, lost.count) == (RING_FULL, 2)
    assert isinstance(stopped, Stopped)
    assert (stopped.reason, stopped.exit) == ("SIGTERM", 0)
