"""The anomaly types that are installed: ours and those of other packages, by entry point.

A package offers a type under the group `aod.detectors`; the entry point's object is a subclass of
`Settings`. One that cannot be used is reported, and costs only itself."""

from collections.abc import Iterable
from functools import cache, reduce
from importlib.metadata import EntryPoint, entry_points
from operator import or_
from typing import Any, Final

import msgspec
from msgspec import Struct

from aod.anomaly import Kind
from aod.detectors.api import Settings, kind_of
from aod.text import one_line

GROUP: Final = "aod.detectors"
OURS: Final = "aodv2"
RESERVED: Final = "Snapshot"
"""What a bundle says in the place of a type when nothing was declared (`aod.capture.snapshot`)."""


class Offer(Struct, frozen=True):
    """A type that a configuration may use."""

    kind: str
    settings: type[Settings]
    package: str

    @property
    def tool(self) -> str:
        """What the configuration may write as `tool`; empty for a type that has none."""
        defaults = {field.name: field.default for field in msgspec.structs.fields(self.settings)}
        return str(defaults.get("tool", ""))

    @property
    def summary(self) -> str:
        """The first line of its docstring, on one line whatever it holds."""
        lines = (self.settings.__doc__ or "").strip().splitlines()
        return one_line(lines[0]) if lines else ""


class Refusal(Struct, frozen=True):
    """A type that a package offers, and that cannot be used."""

    name: str
    package: str
    why: str

    def __str__(self) -> str:
        return f"the anomaly type {self.name} of {self.package} is left out: {self.why}"


class Registry(Struct, frozen=True):
    """What was found."""

    offers: dict[str, Offer]
    """By kind; ours first."""
    refusals: tuple[Refusal, ...]


@cache
def registry() -> Registry:
    """Every type that is installed; found once in a process.

    Raises ImportError: not even ours is found: the package's metadata is missing or stale."""
    found = sorted_out(entry_points(group=GROUP))
    if not any(offer.package == OURS for offer in found.offers.values()):
        raise ImportError(
            f"{OURS} is not installed properly: its entry points in {GROUP} are not found "
            "(`make build`; a stale *.egg-info in this folder hides them)"
        )
    return found


def sorted_out(entries: Iterable[EntryPoint]) -> Registry:
    """Which of these can be used. Ours come first: no other package can take their place."""
    offers: dict[str, Offer] = {}
    refusals = []
    for entry in sorted(entries, key=lambda one: (_package(one) != OURS, one.name, _package(one))):
        offer = _offered(entry, offers)
        if isinstance(offer, Offer):
            offers[offer.kind] = offer
        else:
            refusals.append(Refusal(one_line(entry.name), _package(entry), offer))
    return Registry(offers, tuple(refusals))


def _offered(entry: EntryPoint, others: dict[str, Offer]) -> Offer | str:
    """What an entry point offers, or why it is refused."""
    try:
        settings = entry.load()
    except (Exception, SystemExit) as error:  # another package's code may raise anything
        return f"it cannot be imported: {type(error).__name__}: {one_line(str(error))}"
    if not (isinstance(settings, type) and issubclass(settings, Settings)):
        return f"{one_line(entry.value)} is no subclass of aod.detectors.Settings"
    kind = kind_of(settings)
    if kind != entry.name:
        return f"its class is the type {kind}; allowed: an entry point of the type's name"
    taken = {RESERVED: OURS} | {one.kind: one.package for one in others.values()}
    if kind in taken:
        return f"{taken[kind]} offers that type already"
    types: list[Any] = [settings, *(offer.settings for offer in others.values())]
    try:
        msgspec.convert(kind, Kind)
        msgspec.inspect.type_info(reduce(or_, types))
    except Exception as error:
        return f"it cannot be part of a configuration: {one_line(str(error))}"
    return Offer(kind, settings, _package(entry))


def _package(entry: EntryPoint) -> str:
    return one_line(str(entry.dist.name)) if entry.dist else ""
