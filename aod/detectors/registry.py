"""The anomaly types that there are: ours and those of other packages, by entry point.

A package offers a type under the group `aod.detectors`; the entry point's object is a subclass of
`Settings`. One that cannot be used is said once, and costs only itself.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from msgspec import Struct

from aod import log
from aod.detectors.api import Settings, kind_of

GROUP: Final = "aod.detectors"
_OURS: Final = "aodv2"

_log: Final = log.ROOT.getChild("detectors")


class Offer(Struct, frozen=True):
    """A type that a configuration may use."""

    kind: str
    settings: type[Settings]
    package: str

    @property
    def tool(self) -> str:
        """What the configuration may write as `tool`; empty for a type that has none."""
        return str(getattr(self.settings(), "tool", ""))


class Registry(Struct, frozen=True):
    """What was found."""

    offers: dict[str, Offer]
    """By kind; ours first."""
    refused: dict[str, str]
    """Name of the entry point -> why it cannot be used."""


@cache
def registry() -> Registry:
    """Every type that is installed; looked for once in a process.

    Raises:
        ImportError: not even ours is found: the package's metadata is missing or stale.
    """
    found = entry_points(group=GROUP)
    ordered = sorted(found, key=lambda one: (_package(one) != _OURS, one.name))
    offers: dict[str, Offer] = {}
    refused: dict[str, str] = {}
    for entry in ordered:
        offer = _offered(entry, offers)
        if isinstance(offer, Offer):
            offers[offer.kind] = offer
        else:
            refused[entry.name] = offer
            _log.error("the anomaly type %s of %s is left out: %s", entry.name, entry.value, offer)
    if not any(offer.package == _OURS for offer in offers.values()):
        raise ImportError(
            f"{_OURS} is not installed properly: its entry points in {GROUP} are not found "
            "(`make build`; a stale *.egg-info in this folder hides them)"
        )
    return Registry(offers, refused)


def _offered(entry: EntryPoint, others: dict[str, Offer]) -> Offer | str:
    """What an entry point offers, or why it is refused."""
    try:
        settings = entry.load()
    except Exception as error:  # the code of a stranger may raise anything
        return f"it cannot be imported: {type(error).__name__}: {error}"
    if not (isinstance(settings, type) and issubclass(settings, Settings)):
        return "it is no subclass of aod.detectors.api.Settings"
    kind = kind_of(settings)
    if kind != entry.name:
        return f"its type is {kind}; allowed: tag={entry.name!r}, the entry point's name"
    if kind in others:
        return f"{others[kind].package} offers that type already"
    return Offer(kind, settings, _package(entry))


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else ""
