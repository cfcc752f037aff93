"""Which anomaly types there are: ours always, those of other packages if they can be used."""

from importlib.metadata import Distribution, EntryPoint, EntryPoints, PathDistribution, entry_points
from pathlib import Path

import pytest

from aod.cli import detectors
from aod.detectors import registry
from aod.detectors.connection import Connection
from aod.detectors.error import Error
from aod.detectors.latency import Latency
from aod.detectors.registry import GROUP, OURS, Offer, Refusal, Registry, sorted_out

PREAMBLE = "from aod.detectors import Settings, Rule\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which modules are imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def offered(folder: Path, name: str, code: str, *, package: str = "stranger") -> EntryPoint:
    """An entry point of this name, its class that of the same name in a module of this code."""
    module = f"aod_test_{folder.name}_{len(list(folder.glob('*.py')))}"
    (folder / f"{module}.py").write_text(PREAMBLE + code)
    metadata = folder / "metadata" / f"{module}.dist-info"  # where importlib does not look for it
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {module}:{name}\n")
    distribution: Distribution = PathDistribution(metadata)
    (entry,) = distribution.entry_points
    return entry


def sorted_with(*others: EntryPoint) -> Registry:
    """What comes of ours and these."""
    ours = [one for one in entry_points(group=GROUP) if one.dist and one.dist.name == OURS]
    return sorted_out([*others, *ours])


GOOD = 'class Good(Settings):\n    """Looks for good.\n\n    And more."""\n    program: str\n'


def test_ours_are_found() -> None:
    found = registry.registry()
    ours = {kind: one.settings for kind, one in found.offers.items() if one.package == "aodv2"}
    assert ours == {"Connection": Connection, "Error": Error, "Latency": Latency}
    assert [found.offers[kind].tool for kind in ours] == ["smbconn", "smbiosnoop", "smbslower"]


def test_a_package_offers_a_type(package: Path) -> None:
    found = sorted_with(offered(package, "Good", GOOD))
    assert list(found.offers) == ["Connection", "Error", "Latency", "Good"]
    good = found.offers["Good"]
    assert (good.kind, good.package, good.tool) == ("Good", "stranger", "")
    assert good.summary == "Looks for good."
    assert found.refusals == ()


def test_a_type_without_a_docstring_has_no_summary() -> None:
    class Silent(Latency, frozen=True):
        pass

    assert Offer("Silent", Silent, "").summary == ""


BROKEN = [
    ("raise RuntimeError('no\\nluck')", "it cannot be imported: RuntimeError: no luck"),
    ("import sys; sys.exit(3)", "it cannot be imported: SystemExit: 3"),
    ("class X(", "it cannot be imported: SyntaxError: "),
    ("class Other(Settings): pass", "it cannot be imported: AttributeError: "),
    ("class X: pass", ":X is no subclass of aod.detectors.Settings"),
    ("class X(Rule): pass", ":X is no subclass of aod.detectors.Settings"),
    ("X = Settings(acceptable_count=3)", ":X is no subclass of aod.detectors.Settings"),
    ("class Y(Settings): pass\nX = Y", "its class is the type Y; allowed: an entry point of the"),
    ("class X(Settings, tag='Z'): pass", "its class is the type Z; allowed: an entry point of the"),
    ("from aod.detectors.latency import Latency as X", "its class is the type Latency; allowed"),
    ("class X(Settings, tag_field='kind'): pass", "it cannot be part of a configuration: "),
    ("class X(Settings, array_like=True): pass", "it cannot be part of a configuration: "),
    ("class X(Settings):\n    a: 'Nowhere'", "it cannot be part of a configuration: "),
]


@pytest.mark.parametrize(("code", "why"), BROKEN, ids=[code for code, _ in BROKEN])
def test_what_cannot_be_used_is_refused_in_a_line_and_the_others_stay(
    package: Path, code: str, why: str
) -> None:
    good = offered(package, "Good", GOOD, package="other")
    found = sorted_with(offered(package, "X", code), good)
    assert list(found.offers) == ["Connection", "Error", "Latency", "Good"]
    (refusal,) = found.refusals
    assert (refusal.name, refusal.package) == ("X", "stranger")
    assert why in refusal.why
    assert str(refusal) == f"the anomaly type X of stranger is left out: {refusal.why}"
    assert str(refusal).isprintable()


@pytest.mark.parametrize("name", ["My type", "-x", "x" * 65])
def test_a_type_has_a_name_that_a_bundle_can_have(package: Path, name: str) -> None:
    code = f"X = type('X', (Settings,), {{'__annotations__': {{}}}}, tag={name!r})"
    entry = offered(package, "X", code)
    renamed = EntryPoint(name=name, value=entry.value, group=GROUP)
    (refusal,) = sorted_with(renamed).refusals
    assert refusal.why.startswith("it cannot be part of a configuration: ")


def test_a_type_of_numbers_is_refused(package: Path) -> None:
    entry = offered(package, "X", "class X(Settings, tag=5): pass")
    (refusal,) = sorted_with(EntryPoint(name="5", value=entry.value, group=GROUP)).refusals
    assert refusal.why.startswith("it cannot be part of a configuration: ")


@pytest.mark.parametrize("package_name", ["stranger", "aaa"])
def test_nobody_takes_the_place_of_ours(package: Path, package_name: str) -> None:
    code = "class Latency(Settings): pass"
    found = sorted_with(offered(package, "Latency", code, package=package_name))
    assert found.offers["Latency"].settings is Latency
    assert found.refusals == (Refusal("Latency", package_name, "aodv2 offers that type already"),)


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_strangers_the_first_by_name_has_the_type(package: Path, first: int) -> None:
    both = [offered(package, "Good", GOOD, package=name) for name in ("aaa", "bbb")]
    found = sorted_with(both[first], both[1 - first])
    assert found.offers["Good"].package == "aaa"
    assert found.refusals == (Refusal("Good", "bbb", "aaa offers that type already"),)


def test_a_package_with_stale_metadata_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints())
    registry.registry.cache_clear()
    with pytest.raises(ImportError, match=r"aodv2 is not installed properly.*make build"):
        registry.registry()


def test_the_command_lists_both(package: Path) -> None:
    lines = list(detectors.render(sorted_with(offered(package, "X", "class X: pass"))))
    assert lines[0] == "type           tool         package              what it looks for"
    assert lines[1].startswith("Connection     smbconn      aodv2                Reconnects, ")
    assert len(lines) == 5
    assert lines[4].startswith("the anomaly type X of stranger is left out: aod_test_")
