"""One boot for all tests here: each test module names its SCENARIO and judges its facts.

Scenarios that want another guest, or another number of processors, get a boot of their own.
"""

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Final

import pytest

from scripts.vm.console import last_words
from scripts.vm.errors import GuestError
from scripts.vm.results import Results
from scripts.vm.scenarios import (
    GuestKind,
    guest_kind,
    read_facts,
    run_scenarios,
    timeout_s,
)

AT_ONCE: Final = 2
LONGEST_SEC: Final = 3600
"""Of a test, with its wait for its guest: the first test waits for nearly all of them. Each guest
has a limit of its own (scripts/vm/scenarios.py); this is for what hangs on the host."""


@dataclass
class Guest:
    """What is left of a guest. One that came to a bad end may still have facts."""

    results: Path
    console_tail: str
    error: GuestError | None = None

    def facts(self, scenario: str) -> dict[str, Any]:
        """The facts of one scenario; what ended the guest early is the better explanation."""
        try:
            return read_facts(self.results, scenario)
        except Exception as error:
            raise (self.error or error) from None


class Guests:
    """The guests of a test session. All are started when the first is asked for, AT_ONCE at a time:
    an emulated processor is busy for minutes, and one with an instruction-counting clock does not
    see how busy the others are.
    """

    def __init__(self, folder: Path, scenarios: Iterable[str]) -> None:
        self._folder = folder
        self._scenarios = set(scenarios)
        self._guests: dict[GuestKind, Future[Guest]] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="guest")
        self._stop = Event()

    def with_scenario(self, name: str) -> Guest:
        """The guest in which a scenario ran, together with all others that fit."""
        if not self._guests:
            self._start_all()
        return self._guests[guest_kind(name)].result()

    def close(self) -> None:
        """Switch off what still runs: the tests are over, or were interrupted."""
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def _start_all(self) -> None:
        """Start every guest, the one with the longest scenario first: that is what all wait for."""
        plan: dict[GuestKind, list[str]] = {}
        for name in self._scenarios:
            plan.setdefault(guest_kind(name), []).append(name)
        longest_first = sorted(plan, key=lambda kind: _length(plan[kind]), reverse=True)
        self._guests = {
            kind: self._pool.submit(self._run, kind, plan[kind]) for kind in longest_first
        }

    def _run(self, kind: GuestKind, names: list[str]) -> Guest:
        folder = self._folder / str(kind)
        folder.mkdir()
        try:
            run = run_scenarios(names, folder, kind, self._stop)
        except GuestError as error:
            return Guest(folder, error.console_tail, error)
        return Guest(folder, last_words(run.console))


def _length(scenarios: Iterable[str]) -> tuple[float, float]:
    """What orders guests by how long they take, as far as that can be known."""
    limits_s = [timeout_s(name) for name in scenarios]
    return max(limits_s), sum(limits_s)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "vm: boots a virtual machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "guest" in getattr(item, "fixturenames", ()):
            item.add_marker("vm")
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(LONGEST_SEC))


def _scenario_of(item: pytest.Item) -> str | None:
    return getattr(getattr(item, "module", None), "SCENARIO", None)


@pytest.fixture(scope="session")
def guests(request: pytest.FixtureRequest) -> Iterator[Guests]:
    """Guests for the scenarios of all tests that were selected."""
    results = Results()
    scenarios = (name for item in request.session.items if (name := _scenario_of(item)))
    started = Guests(results.folder, scenarios)
    try:
        yield started
    finally:
        started.close()
        results.failed = request.session.testsfailed > 0
        results.close()


@pytest.fixture(scope="module")
def guest(request: pytest.FixtureRequest, guests: Guests) -> Guest:
    """The guest in which this module's scenario ran."""
    return guests.with_scenario(request.module.SCENARIO)


@pytest.fixture(scope="module")
def facts(request: pytest.FixtureRequest, guest: Guest) -> dict[str, Any]:
    """The facts that this module's scenario gathered."""
    return guest.facts(request.module.SCENARIO)


@pytest.fixture(scope="module")
def artefacts(request: pytest.FixtureRequest, guest: Guest) -> Path:
    """The folder of files that this module's scenario left."""
    return guest.results / str(request.module.SCENARIO)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of the guest's console to the report of a test that failed over its facts."""
    report = yield
    guest = getattr(item, "funcargs", {}).get("guest")
    if report.failed and isinstance(guest, Guest):
        report.sections.append(("the guest's console", guest.console_tail))
    return report
