"""What the files of a bundle are: each with its size, its checksum, and how to read it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from aod.actions import table
from aod.actions.result import Source
from aod.anomaly import Anomaly
from aod.bundles import manifest, operations
from aod.bundles.manifest import File
from aod.files import sha256

EVENTS: Final = operations.FILE
ANOMALY: Final = "anomaly.json"
STATS: Final = "stats.json"
SUMMARY: Final = "SUMMARY.txt"

_ABOUT: Final = {
    ANOMALY: "What was declared and why: the rule, the count and its limit, the worst operations.",
    EVENTS: "Every SMB operation around the trigger, by its end; numpy.load reads it, aod-bundle(5)"
    " explains the fields.",
    STATS: "The kernel's counters and latency histograms by command: before, at the trigger, and"
    " the difference.",
    SUMMARY: "The bundle in one screen, for a person; the rest of it is here and in anomaly.json.",
}


def about(name: str) -> str:
    """A sentence on a file of a bundle; empty for one that is not ours."""
    return ({row.file: row.about for row in table.ACTIONS} | _ABOUT).get(name, "")


def files(folder: Path, sources: Sequence[Source], listed: Sequence[File] = ()) -> tuple[File, ...]:
    """What there is in a bundle's folder, by name, without the manifest and what is hidden.

    Sources, and files that are `listed`, have their checksums already; the others are read. Raises
    OSError: one cannot be read."""
    known = {(source.file, source.bytes): source.sha256 for source in sources}
    known |= {(file.name, file.bytes): file.sha256 for file in listed}
    found = []
    for path in sorted(folder.iterdir()):
        if path.name != manifest.FILE and not path.name.startswith("."):
            size = path.stat().st_size
            digest = known.get((path.name, size)) or sha256(path)
            found.append(File(path.name, size, digest, about(path.name)))
    return tuple(found)


def anomaly_json(anomaly: Anomaly) -> bytes:
    """The text of anomaly.json: without the evidence, which is in events.npy."""
    fields = msgspec.to_builtins(anomaly)
    del fields["evidence"]
    return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"
