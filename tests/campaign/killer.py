"""Which process is killed, and when; between two kills the event log is read."""

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from typing import Final

from msgspec import Struct

from aod.transport.eventlog import EventLog
from aod.transport.position import EventLogError
from aod.transport.wire import STAGES
from scripts.vm.guest.proc import children
from scripts.vm.guest.wait import wait_until
from tests.campaign import moments
from tests.campaign.moments import Moment
from tests.rig.daemon import LocalDaemon

SUPERVISOR_LONGEST_SEC: Final = 2.5
"""Into the life of a supervisor: some die before they have read their configuration."""
PATIENCE_SEC: Final = 60
RESTART_SEC: Final = 0.1
"""As `RestartSec=` of the unit has it, so that one that cannot start does not spin."""


class Look(Struct, frozen=True):
    """What the event log held at a moment."""

    position: int
    """Of the first record that was looked at."""
    first: int
    """Its mid."""
    count: int
    missing: int
    """Mids between the first and the last that are not there."""
    in_order: bool


class Killer:
    """Kills what belongs to one daemon.

    Attributes:
        kills: how many, by (who, moment).
        refused_starts: supervisors that ended by themselves when they were started again.
    """

    def __init__(self, daemon: LocalDaemon, chance: random.Random) -> None:
        self.kills: Counter[tuple[str, str]] = Counter()
        self.looks: list[Look] = []
        self.refused_starts = 0
        self._daemon = daemon
        self._chance = chance
        self._known: set[int] = set()

    def kill_worker(self) -> None:
        """One of the workers, at a random moment."""
        moment = moments.choose(self._chance)
        if moment is Moment.NEWBORN:
            who, pid = self._newborn()
        else:
            if moment is Moment.ANY:
                time.sleep(self._chance.uniform(0, moments.LONGEST_SEC))
            else:
                moments.wait_until_busy(moment, self._daemon.base, self._chance)
            who, pid = self._any_worker()
        self._known = set(self._workers())
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills[who, moment] += 1
        self.look()

    def kill_supervisor(self) -> None:
        """The supervisor, anywhere in its life, and with it its workers; then it is started again,
        as systemd does."""
        time.sleep(self._chance.uniform(0, SUPERVISOR_LONGEST_SEC))
        age = "starting" if self._is_starting() else "running"
        self._daemon.process.kill()
        self._daemon.process.wait()
        self.kills["supervisor", age] += 1
        self._daemon.start()

    def keep_alive(self) -> None:
        """Start the supervisor again where it has ended by itself, until it runs."""
        wait_until(self._is_running, "a supervisor that runs", PATIENCE_SEC)

    def look(self) -> None:
        """Remember what the event log holds now."""
        try:
            log = EventLog.reader(self._daemon.runtime_dir)
        except EventLogError:
            return  # not made yet
        position = log.position
        records = log.copy(log.oldest, position)
        mids = records["mid"].astype("i8")
        if len(mids):
            steps = mids[1:] - mids[:-1]
            missing = int(mids[-1] - mids[0]) + 1 - len(mids)
            first = position - len(mids)
            self.looks.append(
                Look(first, int(mids[0]), len(mids), missing, bool((steps > 0).all()))
            )

    def _newborn(self) -> tuple[str, int]:
        """A worker that was not there at the last kill; it may not have its name yet."""
        moments.wait_briefly(lambda: not self._workers().keys() <= self._known)
        time.sleep(self._chance.uniform(0, moments.NEWBORN_SEC))
        for pid in self._workers().keys() - self._known:
            if comm := self._workers().get(pid):
                stage = comm.removeprefix("aod-")
                return stage if stage in STAGES else "unnamed", pid
        return self._any_worker()

    def _any_worker(self) -> tuple[str, int]:
        stage = self._chance.choice(STAGES)
        return stage, self._daemon.wait_for_worker(stage)

    def _workers(self) -> dict[int, str]:
        return children(self._daemon.process.pid)

    def _is_starting(self) -> bool:
        return len(self._workers()) < len(STAGES)

    def _is_running(self) -> bool:
        if self._daemon.process.poll() is not None:
            self.refused_starts += 1
            time.sleep(RESTART_SEC)
            self._daemon.start()
        return {self._daemon.worker_pid(stage) for stage in STAGES}.isdisjoint({None})
