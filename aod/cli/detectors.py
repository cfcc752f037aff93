"""aod detectors: the anomaly types that a configuration may use, and those that it cannot."""

import argparse
from collections.abc import Iterator
from typing import Final

from aod.cli.exits import CLEAN, OTHER
from aod.detectors.registry import Registry, registry

SHORT: Final = "anomaly types: installed, and left out"
LONG: Final = "List the anomaly types of all installed packages. Exit code 1: one cannot be used."


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(_arguments: argparse.Namespace) -> int:
    """Print them; 1 if a package offers one that cannot be used."""
    found = registry()
    print("\n".join(render(found)))
    return OTHER if found.refusals else CLEAN


def render(found: Registry) -> Iterator[str]:
    """A line for each, those that are left out at the end."""
    yield _line("type", "tool", "package", "what it looks for")
    for offer in found.offers.values():
        yield _line(offer.kind, offer.tool or "-", offer.package, offer.summary)
    for refusal in found.refusals:
        yield str(refusal)


def _line(kind: str, tool: str, package: str, summary: str) -> str:
    return f"{kind:<14} {tool:<12} {package:<20} {summary}".rstrip()
