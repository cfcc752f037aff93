"""Sealed bundles: opened, and checked against what every bundle has to be."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import jsonschema
import numpy as np
import zstandard

from aod.event import Events

SCHEMA_FILE: Final = Path(__file__).parents[2] / "aod" / "bundles" / "manifest.schema.json"
VALIDATOR: Final = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))
ALWAYS: Final = frozenset(
    {"manifest.json", "anomaly.json", "events.npy", "stats.json", "SUMMARY.txt"}
)
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_LINES, _COLUMNS = 24, 80


@dataclass(frozen=True)
class Bundle:
    """The folder that a bundle holds, and its files by name, in the archive's order."""

    folder: str
    files: dict[str, bytes]

    def json(self, name: str) -> dict[str, Any]:
        """One of its JSON files."""
        return dict(json.loads(self.files[name]))

    @property
    def manifest(self) -> dict[str, Any]:
        return self.json("manifest.json")

    def events(self) -> Events:
        """Its records, as EVENT_DTYPE."""
        events: Events = np.load(io.BytesIO(self.files["events.npy"]), allow_pickle=False)
        return events

    def breakdown(self, by: str) -> dict[str, int]:
        """How many of the matches have what in common, such as `commands`."""
        parts = self.json("anomaly.json")["breakdown"][by]
        return {part["what"]: part["count"] for part in parts}


def open_bundle(path: Path) -> Bundle:
    """Unpack a sealed bundle in memory and check it.

    Raises:
        AssertionError: it is not as every bundle has to be.
    """
    bundle = unpack(path)
    check(bundle.files)
    return bundle


def unpack(path: Path) -> Bundle:
    """Unpack an archive in memory, whatever is in its one folder.

    Raises:
        zstandard.ZstdError, tarfile.TarError: the archive is damaged.
        AssertionError: it holds more than one folder.
    """
    with path.open("rb") as packed:
        content = zstandard.ZstdDecompressor().stream_reader(packed).read()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        (folder,) = {PurePosixPath(member.name).parts[0] for member in tar}
        return Bundle(
            folder,
            {
                str(PurePosixPath(name).relative_to(folder)): file.read()
                for name, file in files.items()
                if file is not None
            },
        )


def check_below(folder: Path) -> None:
    """Check all sealed bundles in a folder and those below, but for what is not even zstd: a test
    planted that.

    Raises:
        AssertionError: a bundle is not as it has to be.
    """
    for path in folder.rglob("aod_*.tar.zst"):
        if path.is_file() and not path.is_symlink() and _is_zstd(path):
            open_bundle(path)


def check(files: Mapping[str, bytes]) -> None:
    """Check a bundle's files, by name: the manifest is of its schema, and what it states is true.

    Raises:
        AssertionError: they are not as they have to be.
    """
    assert set(files) >= ALWAYS
    manifest = json.loads(files["manifest.json"])
    VALIDATOR.validate(manifest)
    assert {file["name"] for file in manifest["files"]} == set(files) - {"manifest.json"}
    for file in manifest["files"]:
        _check_content(file, files[file["name"]])
    for source in manifest["sources"]:
        if source["sha256"]:
            _check_content(source, files[source["file"]])
    _check_summary(files["SUMMARY.txt"].decode())


def _check_content(stated: Mapping[str, Any], content: bytes) -> None:
    assert stated["bytes"] == len(content), stated
    assert stated["sha256"] == hashlib.sha256(content).hexdigest(), stated


def _check_summary(text: str) -> None:
    """It fits on one screen of a terminal."""
    lines = text.splitlines()
    assert len(lines) <= _LINES, text
    assert all(len(line) <= _COLUMNS and line.isprintable() for line in lines), text


def _is_zstd(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ZSTD)) == _ZSTD
