"""What a daemon declared: sealed bundles, opened for judging, and its log."""

import io
import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import zstandard

from aod.event import Events
from scripts.vm.guest.quiet import DEFAULT, STRICT
from tests.bundle_check import check_files

DAEMONS = (DEFAULT, STRICT)

_DECLARED = re.compile(r"aod\.detect: \S+ anomaly '[^']+' \((aod_\d+)\): (?!cool-down ended)")


@dataclass(frozen=True)
class Bundle:
    """The files of a bundle, by name, and the folder they were in."""

    folder: str
    files: dict[str, bytes]

    def json(self, name: str) -> dict[str, Any]:
        """One of its JSON files."""
        return dict(json.loads(self.files[name]))

    def events(self) -> Events:
        """Its operations."""
        events: Events = np.load(io.BytesIO(self.files["events.npy"]), allow_pickle=False)
        return events

    def breakdown(self, by: str) -> dict[str, int]:
        """How many of the matches have what in common, such as `commands`."""
        parts = self.json("anomaly.json")["breakdown"][by]
        return {part["what"]: part["count"] for part in parts}


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


def open_bundle(path: Path) -> Bundle:
    """Unpack a bundle in memory; it must hold exactly one folder, and what every bundle holds."""
    with path.open("rb") as packed:
        archive = zstandard.ZstdDecompressor().stream_reader(packed).read()
    files: dict[str, bytes] = {}
    folders: set[str] = set()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar.getmembers():
            name = PurePosixPath(member.name)
            folders.add(name.parts[0])
            if (content := tar.extractfile(member)) is not None:
                files[str(name.relative_to(name.parts[0]))] = content.read()
    (folder,) = folders
    check_files(files)
    return Bundle(folder, files)
