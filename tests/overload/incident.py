"""A long incident on a busy share: bundles of a full event log, four at a time, without an end.

What capture needs for them has a bound, and is the same after an hour as after a minute."""

import signal
import time
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from aod.event import EVENT_DTYPE
from scripts.vm.guest.proc import private_bytes
from scripts.vm.guest.wait import wait_until
from tests.campaign.load import Emitted, Load
from tests.overload.cases import LOG_BYTES, SEED, Seen
from tests.overload.rig import MIB, Overloaded, configuration
from tests.rig import configs
from tests.rig.daemon import LocalDaemon

PER_SECOND: Final = 3_000
TRIGGERS_PER_SECOND: Final = 5
"""More than the cool-down lets through."""
COOLDOWN_SEC: Final = 2
SIGNAL_SEC: Final = 4
LOOK_SEC: Final = 0.05
LOG_RECORDS: Final = LOG_BYTES // EVENT_DTYPE.itemsize
CHUNK: Final = 16_384
AT_ONCE: Final = 4
ACTIONS: Final = ("mounts", "stats", "debugdata", "dmesg", "sockets", "system")
MOST_BYTES: Final = {"capture": 100_000_000}
"""Of its own memory, with as many bundles at once, each of all that the log holds."""
GROWTH_BYTES: Final = 4 * MIB
"""What the last third of the time may take beyond the second; not every peak of either is seen."""


class Part(Struct):
    """What was seen in a part of the time."""

    peaks: dict[str, int]
    """Private memory in bytes, by process."""
    at_once: int = 0
    """Bundles in the making."""


def long_incident(base: Path, pin_dir: Path, seconds: float) -> Seen:
    """Anomalies one after the other, each with all the history, and signals in between: what
    capture needs is bounded, and after a third of the time no process needs more than before."""
    with LocalDaemon(base, pin_dir, _configuration()) as daemon:
        filled = _fill_the_log(daemon)
        rig = Overloaded(daemon)
        with Load(pin_dir, PER_SECOND, TRIGGERS_PER_SECOND, SEED) as load:
            parts = [_watched(rig, seconds / 3) for _ in range(3)]
            emitted = load.stop()
        rig.settle(filled.plus(emitted))
        rig.wait_for_captures()
        figures = {"bundles": len(daemon.audited("capture_sealed"))}
        assert daemon.stop(60) == 0
    assert max(part.at_once for part in parts) >= AT_ONCE
    for name in rig.pids:
        peaks = [part.peaks[name] for part in parts]
        _, before, last = peaks
        figures |= {f"{name}, private bytes, part {at}": peak for at, peak in enumerate(peaks, 1)}
        most = min(MOST_BYTES.get(name, last), before + GROWTH_BYTES)
        assert max(peaks) <= most, f"{name} has taken {peaks} bytes, {most} are allowed"
    return Seen(emitted, {}, figures)


def _configuration() -> dict[str, Any]:
    anomaly = configs.EMERGENCIES | {"cooldown_sec": COOLDOWN_SEC, "actions": list(ACTIONS)}
    made = configuration(history_sec=3600, post_sec=2 * AT_ONCE)
    made["guardian"] = {"anomalies": {"slow": anomaly}}
    made["cleanup"] = {"max_total_log_size_mb": 64}
    return made


def _fill_the_log(daemon: LocalDaemon) -> Emitted:
    producer = daemon.producer()
    for done in range(CHUNK, LOG_RECORDS + CHUNK, CHUNK):
        producer.load(CHUNK)
        wait_until(lambda wanted=done: daemon.status().read >= wanted, "detect to read them")  # type: ignore[misc]
    return Emitted(LOG_RECORDS, 0, (), ())


def _watched(rig: Overloaded, seconds: float) -> Part:
    """The peaks of so many seconds, with a signal now and then."""
    part, signals = Part(dict.fromkeys(rig.pids, 0)), cycle((signal.SIGHUP, signal.SIGUSR1))
    signal_at = time.monotonic()
    end = signal_at + seconds
    while (now := time.monotonic()) < end:
        for name, pid in rig.pids.items():
            part.peaks[name] = max(part.peaks[name], private_bytes(pid))
        part.at_once = max(part.at_once, len(list(rig.daemon.output_dir.glob("aod_*[0-9]"))))
        if now >= signal_at:
            rig.daemon.process.send_signal(next(signals))
            signal_at += SIGNAL_SEC
        time.sleep(LOOK_SEC)
    return part
