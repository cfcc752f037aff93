"""The JSON schema that ships with the project is that of the code, and is strict."""

import json
from typing import Any

import jsonschema
import pytest

from aod.actions.result import Mount, not_run
from aod.anomaly import Cause, Relation
from aod.bundles import manifest
from aod.bundles.manifest import CifsModule, Events, File, Identity, Manifest, Replaced
from aod.text import utc_now
from scripts.manifest_schema import TARGET, text
from tests.rig.bundles import VALIDATOR
from tests.unit.samples import TIMESTAMP

FULL = Manifest(
    created=utc_now(),
    host="here",
    kernel="6.1",
    cifs=CifsModule(loaded=True, version="2.40"),
    mounts=(Mount("//s/a", "/mnt", "cifs", "rw"),),
    anomaly=Identity("Latency", TIMESTAMP, "slow", Cause.COUNT),
    related=(Relation(TIMESTAMP + 1, "Error", "failed"),),
    events=Events(
        file="events.npy",
        records=0,
        before_trigger=0,
        first_end_ns=None,
        last_end_ns=None,
        trigger_ns=1,
        note="",
    ),
    sources=(not_run("dmesg", "why", file="dmesg.log", command=("dmesg",)),),
    losses={"gave_up": 1},
    redacted=(Replaced("users", 3),),
    files=(File("dmesg.log", 1, "ab", "The log."),),
)


def told() -> Any:
    return json.loads(manifest.encode(FULL))


def test_the_file_is_that_of_the_code() -> None:
    hint = "write it anew: python -m scripts.manifest_schema"
    assert TARGET.read_text() == text(), hint


def test_the_schema_is_one() -> None:
    meta = jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA)
    assert list(meta.iter_errors(json.loads(TARGET.read_text()))) == []


def test_a_manifest_is_of_the_schema() -> None:
    assert list(VALIDATOR.iter_errors(told())) == []


@pytest.mark.parametrize("key", Manifest.__struct_fields__)
def test_every_key_has_to_be_there(key: str) -> None:
    lacking = told()
    del lacking[key]
    assert not VALIDATOR.is_valid(lacking)


@pytest.mark.parametrize(
    "changes",
    [{"surprise": 1}, {"schema_version": 1}, {"host": None}, {"files": [{"name": "x"}]}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_is_not_right_is_refused(changes: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(told() | changes)
