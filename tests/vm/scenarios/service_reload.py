"""Another configuration, a good one and a bad one, under a running service; and the end of it."""

from collections.abc import Callable
from pathlib import Path

from aod.transport.eventlog import EventLog
from scripts.vm.guest.counters import RUNTIME, settled
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.service import FILE, UNIT, Service, service, systemctl
from scripts.vm.guest.wait import wait_until
from scripts.vm.guest.workload import rounds, work

GUEST = "service"
SYSTEMD = True
TIMEOUT_S = 900
STAGES = ("collect", "detect", "capture", "cleanup")
LINKS = Path("/sys/fs/bpf/aod/links")
PATIENT = """\
aod_output_dir: /var/log/aod
guardian:
  anomalies:
    slow:
      type: Latency
      default_threshold_ms: 60000
      emergency_threshold_ms: 120000
      acceptable_count: 3
      cooldown_sec: 3600
      actions: [mounts, journalctl]
capture:
  post_sec: 30
"""
IMPATIENT = PATIENT.replace("default_threshold_ms: 60000", "default_threshold_ms: 0.001")
BAD = PATIENT.replace("acceptable_count", "aceptable_count")
BAD_LINE = 1 + BAD[: BAD.index("aceptable_count")].count("\n")
REFUSED = "acceptable_count"


def run(lab: Lab) -> Facts:
    """Reload a bad file by both ways, then a good one that makes every operation slow; stop while
    its bundle is in the making."""
    with lab.mounted() as folder, service(PATIENT) as made:
        made.start()
        made.wait_until_watching()
        before = _identity(made)
        work(folder, rounds(5))
        bad = _reload_bad(made)
        work(folder, rounds(5))
        facts: Facts = {"bad": bad, "before": before, "after_bad": _identity(made)}
        facts["bundles_before"] = [path.name for path in made.bundles()]
        FILE.write_text(IMPATIENT)
        systemctl("reload")
        wait_until(_works(made, folder), "an anomaly by the new threshold", 60, 0.5)
        facts["after_good"] = _identity(made)
        facts["sealed_before_stop"] = [path.name for path in made.bundles()]
        made.stop()
        return facts | {
            "bundles": [path.name for path in made.bundles()],
            "left": [str(one) for at in ("/run/aod", "/sys/fs/bpf") for one in Path(at).glob("*")],
            "end": made.show("ActiveState", "Result"),
            "entries": made.entries(),
        }


def _works(made: Service, folder: Path) -> Callable[[], bool]:
    """Work a little, and look whether that was declared."""

    def declared() -> bool:
        work(folder, rounds(2))
        return any("AOD_ANOMALY" in one for one in made.entries())

    return declared


def _reload_bad(made: Service) -> Facts:
    """systemctl refuses, for it looks first; the daemon, signalled directly, does so too."""
    FILE.write_text(BAD)
    refused = ""
    try:
        command("systemctl", "reload", UNIT, timeout_s=60)
    except LabError as error:
        refused = str(error)
    first = made.wait_for_entry(REFUSED)
    before = len([one for one in made.entries() if REFUSED in str(one["MESSAGE"])])
    command("systemctl", "kill", "--kill-whom=main", "--signal=HUP", UNIT)

    def refused_again() -> bool:
        found = [one for one in made.entries() if REFUSED in str(one["MESSAGE"])]
        return len(found) > before

    wait_until(refused_again, "the daemon's refusal", 60, 0.5)
    return {
        "systemctl": refused,
        "message": first["MESSAGE"],
        **made.show("ActiveState", "NRestarts"),
    }


def _identity(made: Service) -> Facts:
    """What a reload must not change: processes, links, ring."""
    settled()  # every hook is attached
    return {
        "pids": {stage: made.pid_of(stage) for stage in STAGES} | {"main": made.main_pid()},
        "links": {path.name: path.stat().st_ino for path in sorted(LINKS.iterdir())},
        "ring_id": int(EventLog.reader(RUNTIME).header["ring_id"]),
        **made.show("ActiveState"),
    }
