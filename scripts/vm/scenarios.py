"""Run scenarios in one boot of the guest, and read what each of them found out."""

import importlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any, NamedTuple

from scripts.vm.boot import GuestRun, Limit, run_guest
from scripts.vm.errors import VmError
from scripts.vm.guest.run import DEFAULT_TIMEOUT_S, SCENARIOS
from scripts.vm.kernel import stock_kernel
from scripts.vm.machine import Machine
from scripts.vm.wheels import make_wheels

# What a boot and a Samba server may take before the first scenario; ten times the usual.
_BOOT_TIMEOUT_S = 120

# A scenario's time limit is on the guest's clock, which may be that much slower than the host's.
_SLOWEST_CLOCK = 6


class ScenarioError(VmError):
    """A scenario raised, or never got its turn; the message is its traceback."""


class GuestKind(NamedTuple):
    """Scenarios that agree in this share a boot."""

    name: str = ""
    cpus: int = 1
    systemd: bool = False
    kernel_arguments: str = ""
    """Scenarios with such have a GUEST of their own, by whose name the guest is called."""

    def __str__(self) -> str:
        return f"{self.name or 'main'}-{self.cpus}{'-systemd' if self.systemd else ''}"


def guest_kind(scenario: str) -> GuestKind:
    """Which guest a scenario wants; see Machine for what the number of processors means."""
    module = _module(scenario)
    return GuestKind(
        str(getattr(module, "GUEST", "")),
        int(getattr(module, "CPUS", 1)),
        bool(getattr(module, "SYSTEMD", False)),
        str(getattr(module, "KERNEL_ARGUMENTS", "")),
    )


def timeout_s(scenario: str) -> float:
    """A scenario's time limit, on the guest's clock."""
    return float(getattr(_module(scenario), "TIMEOUT_S", DEFAULT_TIMEOUT_S))


def run_scenarios(
    names: Iterable[str], results: Path, kind: GuestKind, stop: Event | None = None
) -> GuestRun:
    """Boot once and run every scenario; raises a GuestError if the guest itself fails.

    The guest gets this process's AOD_VM_* variables; `stop`, once set, ends it early.
    """
    wanted = sorted(set(names))
    settings = [f"{name}={value}" for name, value in os.environ.items() if _is_ours(name)]
    if kind.systemd:
        wheels = make_wheels()
        settings += [f"AOD_VM_WHEEL={wheels.aod}", f"AOD_VM_WHEELS={wheels.others}"]
    machine = Machine(
        stock_kernel(),
        cpus=kind.cpus,
        systemd=kind.systemd,
        kernel_arguments=kind.kernel_arguments,
    )
    argv = ["env", *settings, sys.executable, "-m", "scripts.vm.guest.run", *wanted]
    longest_s = _BOOT_TIMEOUT_S + _SLOWEST_CLOCK * sum(map(timeout_s, wanted))
    return run_guest(
        argv,
        results,
        limit=Limit(longest_s, stop or Event()),
        machine=machine,
    )


def _is_ours(variable: str) -> bool:
    return variable.startswith("AOD_VM_")


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{SCENARIOS}.{name}")


def read_facts(results: Path, name: str) -> dict[str, Any]:
    """The facts that a scenario gathered; ScenarioError if it gathered none."""
    error = results / f"{name}.error"
    if error.is_file():
        raise ScenarioError(f"scenario {name} failed in the guest:\n{error.read_text()}")
    facts = results / f"{name}.json"
    if not facts.is_file():
        raise ScenarioError(f"scenario {name} left no facts: the guest did not get to it")
    return dict(json.loads(facts.read_text()))
