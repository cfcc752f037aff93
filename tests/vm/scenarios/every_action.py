"""Every action is configured; the network becomes slow, and later the server stops.

What the guest itself shows is written down beside it: the bundles are judged by that.
"""

import os
import platform
import pwd
import re
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.counters import wait_for_names
from scripts.vm.guest.journal import JournaledDaemon, journal
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import command
from scripts.vm.guest.shares import FIRST
from scripts.vm.guest.tracefs import traced
from scripts.vm.guest.workload import at_rate, seconds, work, working

GUEST = "evidence"
TIMEOUT_S = 240
HEALTHY_S = 3
RATE = 10
DELAY_MS = 40
# The counters are published ten times a second while operations match.
OFF_BY_S = 0.5
CONTENT = b"what-is-in-the-file-stays-in-the-file"
KERNEL_MARK = "a word in the kernel's log"
SYSLOG_OLD = "a line of syslog from an hour ago"
SYSLOG_NEW = "a line of syslog from just now"
OPEN_FILE = "held-open"
ASKED = "asked-for"
CONFIGURATION = """\
aod_output_dir: /var/log/aod
guardian:
  anomalies:
    latency:
      type: Latency
      acceptable_count: 10
      default_threshold_ms: 20
      actions: [dmesg, journalctl, debugdata, stats, mounts, smbinfo, syslogs, tcpdump, cifs,
                sockets, stacks, system, trace]
capture:
  post_sec: 2
"""
STAGES = ("collect", "detect", "capture", "cleanup")
_MEMORY = re.compile(r"^MemTotal: +(\d+) kB$", re.MULTILINE)


def run(lab: Lab) -> Facts:
    """Work healthily, then slowly until there is a bundle; then let the server hang for another."""
    config = lab.configuration(lambda _: CONFIGURATION)
    _write_logs()
    with journal(), lab.mounted(cifs.UNCACHED) as folder:
        daemon = JournaledDaemon(lab.artefacts / "daemon.log", config)
        with daemon, (folder / OPEN_FILE).open("wb") as held:
            daemon.wait_until_watching()
            wait_for_names(FIRST)
            held.write(CONTENT)
            held.flush()
            os.fsync(held.fileno())
            facts = _slow(daemon, folder) | _hanging(lab, daemon, folder) | _rights(daemon)
            return facts | _guest() | {"exit_status": lab.stop(daemon)}


def _write_logs() -> None:
    Path("/dev/kmsg").write_text(f"{KERNEL_MARK}\n")
    now = time.time()
    lines = [
        f"{datetime.fromtimestamp(at, UTC).isoformat()} vm it: {text}\n"
        for at, text in ((now - 3600, SYSLOG_OLD), (now, SYSLOG_NEW))
    ]
    Path("/var/log/syslog").write_text("".join(lines))


def _slow(daemon: JournaledDaemon, folder: Path) -> Facts:
    """The client's own tracepoints are the witness of what was slow."""
    work(folder, at_rate(RATE, seconds(HEALTHY_S)))
    fault_ns = time.monotonic_ns()
    with (
        traced("smb3_cmd_done", "smb3_cmd_err") as witness,
        faults.slow_network(DELAY_MS),
        working(folder),
    ):
        daemon.wait_for_bundle()
    return {"fault_ns": fault_ns, "witness": witness.ends()}


def _hanging(lab: Lab, daemon: JournaledDaemon, folder: Path) -> Facts:
    """A thread asks a server that has stopped, and hangs until its bundle is sealed."""
    (FIRST.path / ASKED).touch()
    asking = threading.Thread(target=(folder / ASKED).stat)
    known = set(daemon.bundles())
    with lab.samba.paused():
        asking.start()
        daemon.wait_for_bundle(known)
    asking.join()
    return {"asking": asking.native_id}


def _rights(daemon: JournaledDaemon) -> Facts:
    """Of each worker: its user, and its capabilities."""
    found = {}
    for stage in STAGES:
        pid = daemon.wait_for_worker(stage)
        status = dict(
            line.split(":", 1)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if ":" in line
        )
        uid = int(status["Uid"].split()[0])
        found[stage] = (uid, *(int(status[f"Cap{name}"], 16) for name in ("Prm", "Eff", "Bnd")))
    return {"rights": found, "user": pwd.getpwnam("aod").pw_uid}


def _guest() -> Facts:
    """What the guest shows of itself."""
    memory = _MEMORY.search(Path("/proc/meminfo").read_text())
    return {
        "release": platform.release(),
        "memory_kib": int(memory[1]) if memory else 0,
        "trees": {unc: [tree._asdict() for tree in trees] for unc, trees in cifs.trees().items()},
        "module_version": Path("/sys/module/cifs/version").read_text().strip(),
        "mount_helper": command("cifs.upcall", "-v").strip(),
    }
