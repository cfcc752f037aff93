"""A recorder beside the daemon: both see a healthy share, and then a slow network."""

import signal
import subprocess
import time
from pathlib import Path

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.daemon import SUPERVISOR
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import command
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import rounds, work, working

AOD = SUPERVISOR.with_name("aod")
ROUNDS = 120
DELAY_MS = 40
THRESHOLD_MS = 60
"""Far from what a healthy share takes, and from two packets with their delay: each tracer has its
own clock readings, microseconds apart, and must come to the same judgement."""
TIMEOUT_S = 240


def run(lab: Lab) -> Facts:
    """Record until the daemon has sealed a bundle of the slow network."""
    config = lab.configuration(_one_threshold)
    recorded, log = Path("/run/recorded.aod"), lab.artefacts / "record.txt"
    options = f"{cifs.OPTIONS},cache=none,actimeo=0"
    with lab.mounted(options) as folder, lab.daemon(config=config) as daemon:
        daemon.wait_until_watching()
        with log.open("wb") as output:
            recorder = subprocess.Popen(
                [AOD, "record", recorded, "-c", config], stdout=output, stderr=subprocess.STDOUT
            )
        wait_until(lambda: b"attached to the cifs client" in log.read_bytes(), "the recorder", 30)
        attached_ns = time.monotonic_ns()
        healthy = work(folder, rounds(ROUNDS))
        known = set(daemon.bundles())
        with working(folder), faults.slow_network(DELAY_MS):
            bundle = daemon.wait_for_bundle(known)
        recorder.send_signal(signal.SIGINT)
        facts = {
            "healthy": healthy,
            "bundles_before": [path.name for path in known],
            "attached_ns": attached_ns,
            "recorder": recorder.wait(30),
            "recorder_log": log.read_text(),
            "recorded": lab.keep(recorded),
            "bundle": lab.keep(bundle),
            "daemon": daemon.stop(),
            "log": daemon.log_file.read_text(),
        }
        (lab.artefacts / "replay.txt").write_text(command(AOD, "replay", recorded))
        (lab.artefacts / "suggest.txt").write_text(command(AOD, "replay", recorded, "--suggest"))
        return facts


def _one_threshold(text: str) -> str:
    """A window longer than the scenario: it does not matter what lies at its edge."""
    return (
        text.replace("watch_interval_sec: 1\n", "watch_interval_sec: 600\n")
        .replace("default_threshold_ms: 20\n", f"default_threshold_ms: {THRESHOLD_MS}\n")
        .replace("threshold: 50 ", f"threshold: {THRESHOLD_MS} ")
    )
