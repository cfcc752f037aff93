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
    rows = [("type", "tool", "package", "what it looks for")]
    rows += [(one.kind, one.tool or "-", one.package, one.summary) for one in found.offers.values()]
    for kind, tool, package, summary in rows:
        yield f"{kind:<14} {tool:<12} {package:<20} {summary}".rstrip()
    yield from map(str, found.refusals)
