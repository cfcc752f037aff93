"""A sealed bundle, opened for judging."""

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import zstandard

from aod.event import Events

ALWAYS = frozenset({"manifest.json", "anomaly.json", "events.npy"})


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


def open_bundle(path: Path) -> Bundle:
    """Unpack a bundle in memory; it must hold exactly one folder."""
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
    return Bundle(folder, files)
