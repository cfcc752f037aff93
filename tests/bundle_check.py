"""What every bundle has to be, whoever made it: its manifest is of the schema, and true."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import jsonschema
import zstandard

ZSTD: Final = b"\x28\xb5\x2f\xfd"
SCHEMA_FILE: Final = Path(__file__).parents[1] / "aod" / "bundles" / "manifest.schema.json"
VALIDATOR: Final = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))
ALWAYS: Final = frozenset(
    {"manifest.json", "anomaly.json", "events.npy", "stats.json", "SUMMARY.txt"}
)


def check_below(folder: Path) -> None:
    """Check all sealed bundles in a folder and those below; what is no zstd at all a test planted.

    Raises:
        AssertionError: a bundle is not as it has to be.
    """
    for path in folder.rglob("aod_*.tar.zst"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if content.startswith(ZSTD):
                check_files(unpack(content))


def check_files(files: Mapping[str, bytes]) -> None:
    """Check a bundle's files, by name.

    Raises:
        AssertionError: they are not as they have to be.
    """
    assert set(files) >= ALWAYS
    told = json.loads(files["manifest.json"])
    VALIDATOR.validate(told)
    assert {file["name"] for file in told["files"]} == set(files) - {"manifest.json"}
    for file in told["files"]:
        content = files[file["name"]]
        assert file["bytes"] == len(content), file
        assert file["sha256"] == hashlib.sha256(content).hexdigest(), file
    screen = files["SUMMARY.txt"].decode()
    assert len(screen.splitlines()) <= 24, screen
    assert all(len(line) <= 80 and line.isprintable() for line in screen.splitlines()), screen
    for source in told["sources"]:
        if source["sha256"]:
            content = files[source["file"]]
            assert source["bytes"] == len(content), source
            assert source["sha256"] == hashlib.sha256(content).hexdigest(), source


def unpack(packed: bytes) -> dict[str, bytes]:
    """The files of an archive by name, without the one folder that they are in."""
    with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
        content = io.BytesIO(stream.read())
    with tarfile.open(fileobj=content) as tar:
        members = [member for member in tar if member.isfile()]
        found = {member.name: tar.extractfile(member) for member in members}
        assert len({PurePosixPath(name).parts[0] for name in found}) == 1
        return {
            str(PurePosixPath(*PurePosixPath(name).parts[1:])): file.read()
            for name, file in found.items()
            if file is not None
        }
