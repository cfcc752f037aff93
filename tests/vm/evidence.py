"""What a daemon declared: its sealed bundles and its log."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.vm.guest.quiet import DEFAULT, STRICT
from tests.rig.bundles import Bundle, open_bundle

DAEMONS = (DEFAULT, STRICT)

_DECLARED = re.compile(r"aod\.detect: \S+ anomaly '[^']+' \((aod_\d+)\): (?!cool-down ended)")


@dataclass(frozen=True)
class Declared:
    """An anomaly as a test expects it: what, by which rule, how many against how many, of what."""

    anomaly: str
    name: str
    rule: str
    count: int
    acceptable_count: int
    commands: dict[str, int]
    """How many of the counted operations were of which command."""


def declared(artefacts: Path, daemon: str = "daemon") -> list[Declared]:
    """Everything that a daemon declared until it was stopped (`Lab.stop`), in order of time.

    Each declaration is a bundle and a line of the log; AssertionError if one lacks the other.
    """
    found = bundles(artefacts, daemon)
    log = (artefacts / f"{daemon}.log").read_text()
    assert sorted(_DECLARED.findall(log)) == [bundle.folder for bundle in found]
    return [_declared(bundle) for bundle in found]


def bundles(artefacts: Path, daemon: str = "daemon") -> list[Bundle]:
    """All bundles of a daemon that was stopped by `Lab.stop`, in order of time."""
    return [open_bundle(path) for path in sorted((artefacts / daemon).iterdir())]


def assert_quiet(facts: dict[str, Any], artefacts: Path, daemon: str) -> None:
    """Nothing was declared by one of the daemons of `observed`, and it stopped cleanly."""
    assert declared(artefacts, daemon) == []
    assert facts["exit_status"][daemon] == 0


def _declared(bundle: Bundle) -> Declared:
    anomaly = bundle.json("anomaly.json")
    return Declared(
        anomaly=anomaly["anomaly"],
        name=anomaly["name"],
        rule=anomaly["rule"],
        count=anomaly["count"],
        acceptable_count=anomaly["acceptable_count"],
        commands=bundle.breakdown("commands"),
    )
