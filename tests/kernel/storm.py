"""A storm on the whole daemon: every operation matches, at a pace, from the real ring.

What must come of it is known exactly, whatever else the machine does meanwhile: see `check`.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

from aod.detectors.detector import Episode
from aod.detectors.window import MAX_TIMES
from aod.smb.commands import Command
from aod.status import anomalies
from aod.status.model import Status
from aod.transport.eventlog import EventLog
from scripts.vm.guest.proc import cpu_ns, memory_bytes
from scripts.vm.guest.wait import wait_until
from scripts.vm.tools import REPO
from tests.rig.bundles import open_bundle
from tests.rig.daemon import LocalDaemon

MIB: Final = 1 << 20
ACCEPTABLE: Final = 10
LATENCY_NS: Final = 50_000_000
LOG_MB: Final = 1
SETTLED_BUNDLES: Final = 4
"""So many are made before memory is compared: those after the first have a full history."""
GROWTH_BYTES: Final = 16 * MIB
"""What the peak may rise by after that, however long the storm: a batch may be as long as the event
log, of which detect then makes two copies and tables of half its size, beside the window's times
(8 bytes for each match of a cool-down, and as much again while some are added); capture makes four
copies of the log, and its threads keep what they have freed. What stays for good would be more: a
record of 64 bytes, or 3 MiB for each of the bundles that follow."""
PATIENCE_SEC: Final = 60


def configuration(cooldown_sec: float) -> dict[str, Any]:
    """One anomaly. Nothing ever leaves its window, so no pause of the producer changes what is
    counted. The event log is small, so that it is full at once, and the kernel's ring large, so
    that a busy machine loses nothing. One bundle at a time."""
    anomaly = {
        "type": "Latency",
        "acceptable_count": ACCEPTABLE,
        "cooldown_sec": cooldown_sec,
        "actions": [],
    }
    return {
        "watch_interval_sec": 3600,
        "guardian": {"anomalies": {"slow": anomaly}},
        "ring_mb": 64,
        "event_log_mb": LOG_MB,
        "capture": {"max_concurrent_captures": 1, "post_sec": 0.2},
    }


@dataclass(frozen=True)
class Memory:
    """The most that a process has had resident since it was started, in bytes."""

    detect: int
    capture: int

    @classmethod
    def of(cls, daemon: LocalDaemon) -> Self:
        return cls(
            *(
                memory_bytes(daemon.wait_for_worker(stage), "VmHWM")
                for stage in ("detect", "capture")
            )
        )


@dataclass(frozen=True)
class Storm:
    """What was seen."""

    cooldown_ns: int
    status: Status
    """After the last record of all."""
    last_ns: int
    """`end_ns` of its last record; the anomaly of a few more carries what was suppressed."""
    anomalies: list[dict[str, Any]]
    """`anomaly.json` of each bundle, in order."""
    episode: Episode
    """What detect reports in the end."""
    settled: Memory
    final: Memory
    elapsed_sec: float
    detect_cpu_ns: int

    def total(self, counter: str) -> int:
        """A counter of the kernel, over all commands."""
        return sum(int(getattr(one, counter)) for one in self.status.commands.values())

    @property
    def suppressed(self) -> int:
        return sum(int(one["suppressed"]) for one in self.anomalies)


def rage(daemon: LocalDaemon, per_second: int, seconds: float, cooldown_sec: float) -> Storm:
    """A storm, and when the cool-down is over, one more anomaly: it carries the number of the
    last ones that were suppressed."""
    began, cpu_before = time.monotonic(), cpu_ns([daemon.wait_for_worker("detect")])
    arguments = map(str, (daemon.pin_dir, per_second, seconds, LATENCY_NS))
    command = [sys.executable, "-m", "tests.rig.produce", *arguments]
    with subprocess.Popen(command, cwd=REPO) as producer:
        daemon.wait_for_bundles(SETTLED_BUNDLES, PATIENCE_SEC)
        settled = Memory.of(daemon)
    elapsed_sec = time.monotonic() - began
    assert producer.returncode == 0
    wait_until(lambda: _all_read(daemon), "detect to read all records", PATIENCE_SEC)
    detect_cpu_ns = cpu_ns([daemon.wait_for_worker("detect")]) - cpu_before
    log = EventLog.reader(daemon.runtime_dir)
    last_ns = int(log.view(log.position - 1, 1)["end_ns"][0])
    episode = _declare_once_more(daemon, cooldown_sec)
    bundles = daemon.wait_for_bundles(episode.declared, PATIENCE_SEC)
    return Storm(
        cooldown_ns=round(cooldown_sec * 1e9),
        status=daemon.status(),
        last_ns=last_ns,
        anomalies=[open_bundle(path).json("anomaly.json") for path in bundles],
        episode=episode,
        settled=settled,
        final=Memory.of(daemon),
        elapsed_sec=elapsed_sec,
        detect_cpu_ns=detect_cpu_ns,
    )


def _all_read(daemon: LocalDaemon) -> bool:
    found = daemon.status()
    emitted = sum(one.emitted for one in found.commands.values())
    return bool(found.read == found.records == emitted)


def _declare_once_more(daemon: LocalDaemon, cooldown_sec: float) -> Episode:
    """More matches than are acceptable, after the cool-down; how it stands after them."""
    time.sleep(cooldown_sec)
    began_ns = time.monotonic_ns()
    daemon.producer().load(ACCEPTABLE + 1, latency_ns=LATENCY_NS, command=Command.SMB2_CREATE)

    def declared() -> Episode | None:
        for episode in anomalies.FILE.read(daemon.runtime_dir).episodes:
            if episode.quiet_until_ns >= began_ns + cooldown_sec * 1e9:
                return episode
        return None

    episode = wait_until(declared, "the last declaration in the report", PATIENCE_SEC)
    wait_until(lambda: _all_read(daemon), "the last records", PATIENCE_SEC)
    return episode


def check(storm: Storm) -> None:
    """What holds for every storm, however fast or slow it was.

    Nothing leaves the window, and a declaration uses its matches up. So `ACCEPTABLE` matches are no
    triggers at the beginning, and as many after each declaration; all others are triggers, and
    those that were not declared are suppressed.
    """
    assert storm.status.conserved
    records, declared = storm.status.read, len(storm.anomalies)
    assert records == storm.total("finished") - storm.total("dropped_ring_full")
    triggers = [int(one["trigger_ns"]) for one in storm.anomalies]
    assert all(later - one >= storm.cooldown_ns for one, later in pairwise(triggers))
    assert triggers[-2] <= storm.last_ns < triggers[-2] + storm.cooldown_ns
    assert storm.last_ns < triggers[-1]
    assert storm.suppressed == records - declared - ACCEPTABLE * (declared + 1)
    episode = storm.episode
    assert (episode.declared, episode.suppressed) == (declared, 0)
    assert episode.suppressed_before == storm.suppressed
    for one in storm.anomalies:
        assert one["rule"] == "count"
        assert one["count"] == min(one["suppressed"] + ACCEPTABLE + 1, MAX_TIMES)
    assert storm.final.detect - storm.settled.detect <= GROWTH_BYTES
    assert storm.final.capture - storm.settled.capture <= GROWTH_BYTES
