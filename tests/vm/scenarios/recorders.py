"""Packets and the client's tracepoints, recorded all the time: also before a fault.

A file with known content is written and read while the recorders run: packets carry it.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.daemon import Daemon
from scripts.vm.guest.lab import Facts, Lab, replaced
from scripts.vm.guest.proc import named
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import at_rate, seconds, work, working

PATTERN = b"THIS-IS-THE-CONTENT-OF-A-FILE. "
FILE_BYTES = 60_000
HEALTHY_S = 3
RATE = 10
DELAY_MS = 40
HISTORY_S = 30
POST_S = 2
COOLDOWN_S = 20

INSTANCE = Path("/sys/kernel/tracing/instances/aod-aod")
RING = Path("/run/aod/packets")


def run(lab: Lab) -> Facts:
    """Record, cause an anomaly, kill capture, cause another, stop."""
    config = lab.configuration(recording)
    with lab.mounted(cifs.UNCACHED) as folder, lab.daemon(config=config) as daemon:
        daemon.wait_until_watching()
        wait_for_recorders()
        started = _recorders()
        _use_known_content(folder)
        work(folder, at_rate(RATE, seconds(HEALTHY_S)))
        first = _slow_until_bundle(daemon, folder)
        killed = _kill_capture(daemon)
        respawned = _recorders()
        second = _slow_until_bundle(daemon, folder)
        return {
            "started": started,
            "first": first,
            "leftovers_after_kill": killed,
            "respawned": respawned,
            "second": second,
            "exit_status": lab.stop(daemon),
            "stopped": _recorders(),
        }


def recording(text: str) -> str:
    """The repository's configuration with both recorders, and a second bundle soon."""
    text = replaced(
        text, "        - dmesg\n", "        - tcpdump\n        - trace\n        - dmesg\n"
    )
    text = replaced(text, "#cooldown_sec: 60", f"cooldown_sec: {COOLDOWN_S}")
    return f"{text}\ncapture:\n  history_sec: {HISTORY_S}\n  post_sec: {POST_S}\n"


def _use_known_content(folder: Path) -> None:
    path = folder / "known"
    content = (PATTERN * (FILE_BYTES // len(PATTERN) + 1))[:FILE_BYTES]
    with path.open("wb") as file:
        file.write(content)
        os.fsync(file.fileno())
    if path.read_bytes() != content:
        raise OSError("the share returned another content")


def _slow_until_bundle(daemon: Daemon, folder: Path) -> str:
    known = set(daemon.bundles())
    with faults.slow_network(DELAY_MS), working(folder):
        return daemon.wait_for_bundle(known).name


def _kill_capture(daemon: Daemon) -> int:
    """Kill it; how many of the old tcpdumps are left when the new one records."""
    capture = daemon.wait_for_worker("capture")
    before = set(named("tcpdump"))
    os.kill(capture, signal.SIGKILL)
    wait_until(lambda: set(named("tcpdump")) - before, "another tcpdump", 30)
    wait_for_recorders()
    return len(set(named("tcpdump")) & before)


def wait_for_recorders() -> None:
    """Until tcpdump writes, to which it comes when it hears already, and the events are enabled."""
    enabled = INSTANCE / "events" / "cifs" / "enable"
    wait_until(lambda: [*filter(_writes, named("tcpdump"))], "the ring of packets", 30)
    wait_until(lambda: enabled.exists() and enabled.read_text() == "1\n", "the trace", 30)


def _writes(pid: int) -> bool:
    with suppress(OSError):
        return any(RING in fd.readlink().parents for fd in Path(f"/proc/{pid}/fd").iterdir())
    return False


def _recorders() -> Facts:
    """What of the recorders is in the system now."""
    tcpdumps = named("tcpdump")
    return {
        "owners": [Path(f"/proc/{pid}").owner() for pid in tcpdumps],
        "instance": INSTANCE.exists(),
        "ring": sorted(path.name for path in RING.iterdir()) if RING.exists() else [],
    }
