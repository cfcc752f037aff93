"""Run scenarios one after the other inside the guest: python -m scripts.vm.guest.run NAME..."""

import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType, ModuleType

from scripts.vm.guest import cgroup
from scripts.vm.guest.lab import Lab, reset
from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.samba import Samba
from scripts.vm.guest.wait import wait_until

RESULTS = Path("/results")
SCENARIOS = "tests.vm.scenarios"
DEFAULT_TIMEOUT_S = 120

# After its time limit a scenario is interrupted where it is, so that the traceback says where; this
# much later it is killed.
_GRACE_S = 20


def main(names: list[str]) -> None:
    """Run each scenario from a clean state, leaving NAME.json or NAME.error in the results."""
    samba = Samba()
    samba.prepare()
    for name in names:
        started = time.monotonic()
        outcome = "done" if _run_recorded(name, samba) else "FAILED"
        print(f"[guest] scenario {name}: {outcome}, {time.monotonic() - started:.1f} s", flush=True)


def _run_recorded(name: str, samba: Samba) -> bool:
    """Run one scenario; its failure is written down, the next one still gets its turn."""
    try:
        reset(samba)
        _run_apart(name)
    except Exception:
        (RESULTS / f"{name}.error").write_text(traceback.format_exc())
    return not (RESULTS / f"{name}.error").exists()


def _run_apart(name: str) -> None:
    """Run one scenario in a process of its own, and end whatever it leaves behind."""
    module = importlib.import_module(f"{SCENARIOS}.{name}")
    timeout_s = int(getattr(module, "TIMEOUT_S", DEFAULT_TIMEOUT_S))
    artefacts = RESULTS / name
    artefacts.mkdir(exist_ok=True)
    with cgroup.group(name) as group:
        pid = os.fork()
        if pid == 0:
            cgroup.enter(group)
            _be_scenario(name, module, timeout_s, artefacts)
        _wait_for(pid, timeout_s + _GRACE_S)
    (artefacts / "dmesg.txt").write_text(command("dmesg"))


def _be_scenario(name: str, module: ModuleType, timeout_s: int, artefacts: Path) -> None:
    """The scenario's process, from here to its end."""
    signal.signal(signal.SIGALRM, _interrupt)
    signal.alarm(timeout_s)
    try:
        facts = module.run(Lab(artefacts))
        text = json.dumps(facts, indent=2)
        signal.alarm(0)
        (RESULTS / f"{name}.json").write_text(text + "\n")
    except BaseException:
        (RESULTS / f"{name}.error").write_text(traceback.format_exc())
    finally:
        os._exit(0)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError("the scenario's time is up")


def _wait_for(pid: int, timeout_s: float) -> None:
    """Reap the scenario's process; LabError if it died of a signal."""
    _, status = wait_until(lambda: _reaped(pid), f"the end of process {pid}", timeout_s)
    if status != 0:
        raise LabError(f"the scenario's process ended with wait status {status}")


def _reaped(pid: int) -> tuple[int, int] | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return (found, status) if found else None


if __name__ == "__main__":
    main(sys.argv[1:])
