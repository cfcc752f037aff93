"""Installed and enabled, the service is started by the boot, before there is a cifs module."""

import time
from pathlib import Path

from scripts.vm.guest import cifs, faults
from scripts.vm.guest.lab import Facts, Lab
from scripts.vm.guest.processes import command
from scripts.vm.guest.service import (
    FILE,
    UNIT,
    Service,
    comm,
    install,
    refusals,
    service,
    systemctl,
)
from scripts.vm.guest.workload import working

GUEST = "service"
SYSTEMD = True
# The installation: two minutes of an emulated processor.
TIMEOUT_S = 900
STAGES = ("collect", "detect", "capture", "cleanup")
CONFIGURATION = refusals("mounts")
# Where a stop has to leave nothing.
LEFTOVERS = (Path("/run/aod"), Path("/sys/fs/bpf"))


def run(lab: Lab) -> Facts:
    """Install; boot; mount, which loads the module; cause an anomaly; stop."""
    facts: Facts = {"installation": install()}
    if cifs.module_loaded():
        cifs.unload_module()
    with service(CONFIGURATION) as made:
        facts["files"] = _files()
        systemctl("enable")
        command("systemctl", "start", "multi-user.target")  # as a boot does
        facts["before"] = _state(made)
        with lab.mounted() as folder:
            made.wait_until_watching()
            facts["after"] = _state(made)
            with faults.creates_denied(), working(folder):
                (bundle,) = made.wait_for_bundles(1)
            made.wait_for_entry(f"sealed {bundle.name}")
            facts["bundle"] = bundle.name
            facts["processes"] = {stage: _who(made.pid_of(stage)) for stage in STAGES}
            facts["supervisor"] = _who(made.main_pid())
            facts["pids"] = [comm(pid) for pid in made.pids()]
            security = command("systemd-analyze", "--no-pager", "security", UNIT)
            facts["exposure"] = security.splitlines()[-1]
            _stop(made, facts)
        facts["entries"] = made.entries()
        systemctl("disable")
    cifs.unload_module()  # hooks that were left behind would keep the module in use
    return facts


def _stop(made: Service, facts: Facts) -> None:
    started = time.monotonic()
    made.stop()
    facts["stop_s"] = time.monotonic() - started
    facts["end"] = made.show("ActiveState", "Result", "ExecMainStatus", "NRestarts")
    facts["left"] = [str(path) for folder in LEFTOVERS for path in folder.glob("*")]
    facts["left_processes"] = [comm(pid) for pid in made.pids()]


def _state(made: Service) -> Facts:
    """What systemd knows, once the status is there."""
    made.wait_for("StatusText", ".")
    return {
        **made.show("ActiveState", "SubState", "StatusText", "UnitFileState"),
        "module": cifs.module_loaded(),
    }


def _files() -> dict[str, str]:
    """Mode and owners of what was installed."""
    paths = ("/etc/aod", FILE, "/var/lib/aod", "/var/log/aod", f"/etc/systemd/system/{UNIT}")
    text = command("stat", "--format=%n %a %U:%G", *paths)
    return dict(line.split(" ", 1) for line in text.splitlines())


def _who(pid: int) -> dict[str, str]:
    """What a process may do: its user and its capabilities, as /proc has them."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return {name: fields[name] for name in ("Uid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}
