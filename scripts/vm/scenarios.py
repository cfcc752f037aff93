"""Run scenarios in one boot of the guest, and read what each of them found out."""

import importlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from scripts.vm.boot import GuestRun, run_guest
from scripts.vm.errors import VmError
from scripts.vm.guest.run import DEFAULT_TIMEOUT_S, SCENARIOS
from scripts.vm.kernel import stock_kernel
from scripts.vm.machine import Machine

# What a boot and a Samba server may take before the first scenario; ten times the usual.
_BOOT_TIMEOUT_S = 120

# A scenario's time limit is on the guest's clock, which may be that much slower than the host's.
_SLOWEST_CLOCK = 6


class ScenarioError(VmError):
    """A scenario raised, or never got its turn; the message is its traceback."""


def run_scenarios(names: Iterable[str], results: Path, cpus: int = 1) -> GuestRun:
    """Boot once and run every scenario; raises a GuestError if the guest itself fails."""
    wanted = sorted(set(names))
    argv = [sys.executable, "-m", "scripts.vm.guest.run", *wanted]
    timeout_s = _BOOT_TIMEOUT_S + _SLOWEST_CLOCK * sum(map(_timeout_s, wanted))
    machine = Machine(stock_kernel(), cpus=cpus)
    return run_guest(argv, results, timeout_s=timeout_s, machine=machine)


def cpus_of(name: str) -> int:
    """How many processors a scenario wants; see Machine for what that means."""
    return int(getattr(_module(name), "CPUS", 1))


def _timeout_s(name: str) -> float:
    return float(getattr(_module(name), "TIMEOUT_S", DEFAULT_TIMEOUT_S))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{SCENARIOS}.{name}")


def read_facts(results: Path, name: str) -> dict[str, Any]:
    """The facts that a scenario gathered; ScenarioError if it has none to tell."""
    error = results / f"{name}.error"
    if error.is_file():
        raise ScenarioError(f"scenario {name} failed in the guest:\n{error.read_text()}")
    facts = results / f"{name}.json"
    if not facts.is_file():
        raise ScenarioError(f"scenario {name} left no facts: the guest did not get to it")
    return dict(json.loads(facts.read_text()))
