"""The supervisor is killed while a server hangs, before anybody has declared that."""

import os
import signal
import threading
from pathlib import Path

from scripts.vm.guest import cifs
from scripts.vm.guest.counters import wait_for_names
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.service import service
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.wait import wait_until

GUEST = "service"
SYSTEMD = True
TIMEOUT_S = 900
NAME = "asked-for"
# What is slow in an emulated guest is not meant.
CONFIGURATION = """\
aod_output_dir: /var/log/aod
guardian:
  anomalies:
    hung:
      type: Latency
      default_threshold_ms: 9000
      emergency_threshold_ms: 10000
      acceptable_count: 1000
      cooldown_sec: 3600
      actions: [debugdata]
capture:
  post_sec: 0
"""


def run(lab: Lab) -> Facts:
    """Ask a server that has stopped; kill the supervisor; wait for the bundle of what hangs."""
    with lab.mounted(cifs.UNCACHED) as folder, service(CONFIGURATION) as made:
        made.start()
        made.wait_until_watching()
        wait_for_names(FIRST)
        (FIRST.path / NAME).touch()
        asking = threading.Thread(target=(folder / NAME).stat)
        first = made.main_pid()
        with lab.samba.paused():
            asking.start()
            in_flight = wait_until(cifs.pending, "a request in flight", 20)
            os.kill(first, signal.SIGKILL)
            declared_before = [one for one in made.entries() if "AOD_ANOMALY" in one]
            made.wait_for("NRestarts", "^1$")
            made.wait_for("ActiveState", "^active$", 120)
            made.wait_for_bundles(1, 120)
        asking.join()
        restarted = {"replaced": made.main_pid() != first, **made.show("NRestarts")}
        made.stop()
        return {
            "in_flight": in_flight,
            "declared_before": declared_before,
            "supervisor": restarted,
            "bundles": [path.name for path in made.bundles()],
            "pins": [path.name for path in Path("/sys/fs/bpf").glob("*")],
            "entries": made.entries(),
        }
