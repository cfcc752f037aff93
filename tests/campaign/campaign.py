"""The campaign: a load, a killer, and then the judgement."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from aod.status.model import Status
from aod.transport.wire import STAGES
from scripts.vm.guest.wait import wait_until
from scripts.vm.tools import REPO
from tests.campaign import judge, leaks, witness
from tests.campaign.killer import Killer
from tests.campaign.leaks import Vitals
from tests.campaign.load import Emitted, Load
from tests.rig import configs
from tests.rig.daemon import LocalDaemon

QUIET_SEC: Final = 600
STOP_SEC: Final = 30
REPORT_EVERY: Final = 25
LOOKS: Final = 20
LOOK_SEC: Final = 0.02
Say = Callable[[str], None]


class Plan(Struct, frozen=True):
    """What is to be done."""

    seed: int
    kills: int = 500
    """Of workers."""
    supervisor_kills: int = 50
    per_second: int = 1_000_000
    anomalies_per_second: float = 4
    with_packets: bool = False
    """Record packets, too: needs tcpdump."""
    user: str = "aod"
    """Whom detect runs as, where there is such a user."""


class Result(Struct, frozen=True):
    """What was seen, where all that must hold did hold."""

    emitted: Emitted
    bundles: int
    interrupted: int
    """Bundles that a later capture went on with."""
    detect_lives: int
    refused_starts: int
    respawns: int
    """Of one supervisor, between the two looks at it."""
    before: Vitals
    after: Vitals
    kills: dict[tuple[str, str], int]


def configuration(plan: Plan) -> dict[str, Any]:
    """Each emergency is an anomaly; evidence is cheap. Nothing is refused or deleted, and the audit
    log holds all. The event log is small, so that a bundle's history is, and the kernel's ring
    large: it has to last while a supervisor starts."""
    actions = ["mounts", "system", *(["tcpdump"] if plan.with_packets else [])]
    return {
        "user": plan.user,
        "watch_interval_sec": 0.001,
        "guardian": {
            "anomalies": {
                judge.NAME: configs.EMERGENCIES | {"actions": actions},
                "witness": {"type": "Witness"},
            }
        },
        "ring_mb": 256,
        "event_log_mb": 4,
        "audit": {"max_mb": 64},
        "cleanup": {"cleanup_interval_sec": 1, "max_total_log_size_mb": 100_000},
        "capture": {
            "post_sec": 0.1,
            "history_sec": 0.02,
            "lookback_sec": 1,
            "max_waiting": 1000,
            **configs.SMALL_DISK,
        },
        "supervision": configs.EAGER,
    }


class Campaign:
    """One campaign, with all its files below a folder."""

    def __init__(self, plan: Plan, base: Path, pin_dir: Path, say: Say) -> None:
        self._plan = plan
        self._say = say
        self._mark = f"{plan.seed}-{time.monotonic_ns()}"
        self._witness = base / "witness.jsonl"
        self._daemon = LocalDaemon(base, pin_dir, configuration(plan))
        (base / "package").mkdir()
        witness.install(base / "package")
        self._daemon.environment |= {
            leaks.MARK: self._mark,
            witness.VARIABLE: str(self._witness),
            "PYTHONPATH": f"{base / 'package'}:{REPO}",
        }
        self._killer = Killer(self._daemon, random.Random(plan.seed))

    def run(self) -> Result:
        """Do it all.

        Raises:
            AssertionError: something does not hold.
        """
        with self._daemon as daemon:
            daemon.producer()
            plan = self._plan
            with Load(
                daemon.pin_dir, plan.per_second, plan.anomalies_per_second, plan.seed
            ) as load:
                self._kill_supervisors()
                before, respawns = self._kill_workers()
                emitted = load.stop()
            self._say(f"the load has ended: {emitted.total:,} in {emitted.seconds:.0f} s")
            return self._judge(emitted, before, respawns)

    def _kill_supervisors(self) -> None:
        """Each after the death of a worker, half of them."""
        for number in range(self._plan.supervisor_kills):
            if number % 2 and self._left() > 0:
                self._killer.keep_alive()
                self._killer.kill_worker()
            self._killer.kill_supervisor()
            self._report()
        self._killer.keep_alive()

    def _kill_workers(self) -> tuple[Vitals, int]:
        """All others, of one supervisor; how it was before, and how many."""
        pid, respawns = self._daemon.process.pid, self._left()
        before = self._vitals()
        while self._left() > 0:
            self._killer.kill_worker()
            self._report()
        assert self._daemon.process.pid == pid
        assert self._daemon.process.poll() is None, "the supervisor has ended"
        return before, respawns

    def _left(self) -> int:
        workers = sum(n for (who, _), n in self._killer.kills.items() if who != "supervisor")
        return self._plan.kills - workers

    def _report(self) -> None:
        done = self._killer.kills.total()
        if done % REPORT_EVERY == 0:
            whole = self._plan.kills + self._plan.supervisor_kills
            self._say(f"{done} of {whole} kills, {len(self._daemon.bundles())} bundles")

    def _vitals(self) -> Vitals:
        """Of the supervisor, when all its workers are there; the most of a few looks, for it opens
        and closes what it needs for a moment."""
        wait_until(lambda: not self._missing(), "all workers", QUIET_SEC)
        looks = []
        for _ in range(LOOKS):
            looks.append(Vitals.of(self._daemon.process.pid))
            time.sleep(LOOK_SEC)
        return max(looks)

    def _missing(self) -> list[str]:
        return [stage for stage in STAGES if self._daemon.worker_pid(stage) is None]

    def _judge(self, emitted: Emitted, before: Vitals, respawns: int) -> Result:
        daemon, killer = self._daemon, self._killer
        status = self._wait_for_quiet(emitted)
        killer.look()
        judge.judge_records(emitted, status, killer.looks)
        after = self._vitals()
        assert after.descriptors == before.descriptors, f"{before}, then {after}"
        growth = after.anonymous_bytes - before.anonymous_bytes
        assert growth <= leaks.GROWTH_BYTES, f"{before}, then {after}"
        assert daemon.stop(STOP_SEC) == 0
        left = leaks.stopped_leaks(daemon, self._mark)
        assert not left, f"left behind: {left}"
        lives = judge.judge_evaluation(emitted, witness.read(self._witness))
        interrupted = judge.judge_bundles(emitted, daemon)
        return Result(
            emitted=emitted,
            bundles=len(daemon.bundles()),
            interrupted=interrupted,
            detect_lives=lives,
            refused_starts=killer.refused_starts,
            respawns=respawns,
            before=before,
            after=after,
            kills=dict(killer.kills),
        )

    def _wait_for_quiet(self, emitted: Emitted) -> Status:
        """Until all is evaluated and captured, and only the daemon's own processes are left."""
        taken = emitted.total - emitted.dropped
        wait_until(lambda: self._daemon.status().read >= taken, "an end of reading", QUIET_SEC)
        left: list[str] = []

        def is_quiet() -> bool:
            left[:] = leaks.running_leaks(self._daemon, self._mark)
            return not left

        with suppress(TimeoutError):
            wait_until(is_quiet, "quiet", QUIET_SEC)
        assert not left, f"still there: {left}"
        wait_until(lambda: self._finished() >= emitted.total, "the last counters", QUIET_SEC)
        return self._daemon.status()

    def _finished(self) -> int:
        return sum(one.finished for one in self._daemon.status().commands.values())
