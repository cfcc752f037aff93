"""One boot for all tests here: each test module names its SCENARIO and judges its facts.

Scenarios that want another number of processors get a boot of their own.
"""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.vm.console import last_words
from scripts.vm.errors import GuestError
from scripts.vm.results import Results
from scripts.vm.scenarios import cpus_of, read_facts, run_scenarios


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
    """The guests of a test session, by number of processors; each is run when first asked for."""

    def __init__(self, folder: Path, scenarios: Iterable[str]) -> None:
        self._folder = folder
        self._scenarios = set(scenarios)
        self._guests: dict[int, Guest] = {}

    def with_scenario(self, name: str) -> Guest:
        """The guest in which a scenario ran, together with all others that fit."""
        cpus = cpus_of(name)
        if cpus not in self._guests:
            self._guests[cpus] = self._run(cpus)
        return self._guests[cpus]

    def _run(self, cpus: int) -> Guest:
        folder = self._folder / f"cpus-{cpus}"
        folder.mkdir()
        names = [name for name in self._scenarios if cpus_of(name) == cpus]
        try:
            run = run_scenarios(names, folder, cpus)
        except GuestError as error:
            return Guest(folder, error.console_tail, error)
        return Guest(folder, last_words(run.console))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "vm: boots a virtual machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "guest" in getattr(item, "fixturenames", ()):
            item.add_marker("vm")


def _scenario_of(item: pytest.Item) -> str | None:
    return getattr(getattr(item, "module", None), "SCENARIO", None)


@pytest.fixture(scope="session")
def guests(request: pytest.FixtureRequest) -> Iterator[Guests]:
    """Guests for the scenarios of all tests that were selected."""
    results = Results()
    scenarios = (name for item in request.session.items if (name := _scenario_of(item)))
    try:
        yield Guests(results.folder, scenarios)
    finally:
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
