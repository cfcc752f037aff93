"""The manifest: one schema, every key always there, readable back."""

import json
import socket
from pathlib import Path

import msgspec
import pytest

import aod
from aod.actions.result import Mount, Source, not_run
from aod.bundles import manifest
from aod.bundles.manifest import CifsModule, Events, Manifest
from tests.unit.samples import anomaly

EVENTS = Events(
    file="events.npy",
    records=0,
    before_trigger=0,
    first_end_ns=None,
    last_end_ns=None,
    trigger_ns=1,
    note="",
)
SOURCE = not_run("dmesg", "why", file="dmesg.log", command=("dmesg", "-T"))


def describe(*mounts: Mount) -> Manifest:
    return manifest.describe(anomaly(), EVENTS, mounts, (SOURCE,), {"gave_up": 1})


def test_it_round_trips() -> None:
    told = describe(Mount("//s/a", "/mnt", "cifs", "rw"))
    assert manifest.decode(manifest.encode(told)) == told


def test_it_says_where_it_comes_from() -> None:
    told = json.loads(manifest.encode(describe()))
    assert told["host"] == socket.gethostname()
    assert told["aod_version"] == aod.__version__
    assert told["schema_version"] == 3
    assert told["created"].endswith("+00:00")
    assert set(told) == set(Manifest.__struct_fields__)
    assert set(told["sources"][0]) == set(Source.__struct_fields__)


def test_paths_that_are_not_utf8_are_told_all_the_same() -> None:
    told = manifest.encode(describe(Mount("//s/a", "/mnt/\udcff", "cifs", "rw")))
    assert manifest.decode(told).mounts[0].mount_point == "/mnt/\ufffd"


def test_unknown_fields_are_refused() -> None:
    told = json.loads(manifest.encode(describe())) | {"surprise": 1}
    with pytest.raises(msgspec.ValidationError):
        manifest.decode(json.dumps(told).encode())


def test_the_cifs_module(tmp_path: Path) -> None:
    assert manifest.cifs_module(tmp_path / "none") == CifsModule(loaded=False, version="")
    assert manifest.cifs_module(tmp_path) == CifsModule(loaded=True, version="")
    (tmp_path / "version").write_text("2.54\n")
    assert manifest.cifs_module(tmp_path) == CifsModule(loaded=True, version="2.54")
