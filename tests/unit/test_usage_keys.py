"""USAGE.md's tables of keys against the schema: every key is there, with its default."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, UNSET

from aod.config.schema import Config
from aod.detectors.latency import TrackedCommand
from aod.detectors.registry import OURS, registry
from aod.settings import ActionName, Section
from tests.unit import usage_text

TABLES: Final = usage_text.tables(usage_text.section("Configuration"))
TYPES: Final = {
    kind: offer.settings for kind, offer in registry().offers.items() if offer.package == OURS
}


def shown(default: Any) -> str:
    """As the tables have it."""
    if default == tuple(ActionName):
        return "all"
    if isinstance(default, StrEnum | str | Path):
        return f"`{default}`"
    known = {NODEFAULT: "required", None: "the anomaly's", UNSET: "the anomaly's", (): "none"}
    return known.get(default) or json.dumps(default)


def fields(schema: type[Section], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every key of a section and of those in it."""
    for field in msgspec.structs.fields(schema):
        if isinstance(field.default, Section):
            yield from fields(type(field.default), f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, shown(field.default)


def rows(keys: str, defaults: str) -> Iterator[tuple[str, str]]:
    """The keys of a row, the later ones in short, and a default for each or one for all."""
    names = [key.strip("`") for key in keys.split(", ")]
    section = names[0].rpartition(".")[0]
    names = [section + name if name.startswith(".") else name for name in names]
    values = defaults.split(", ")
    yield from zip(names, values if len(values) > 1 else values * len(names), strict=True)


def test_every_key_of_the_file_is_there_with_its_default() -> None:
    header, *lines = TABLES[0]
    assert header == ["key", "default", "meaning"]
    told = [pair for keys, default, _ in lines for pair in rows(keys, default)]
    guardian = dict(fields(Config)) | {"guardian.anomalies": "required"}
    guardian["capture.tcpdump.folder"] = "none"  # of the whole file, not of an anomaly
    guardian.pop("guardian")
    assert dict(told) == guardian
    assert len(told) == len(guardian)


def test_every_key_of_an_anomaly_is_there_with_its_default() -> None:
    header, *lines = TABLES[1]
    assert header == ["key", "for", "default", "meaning"]
    told = [
        (kind, *pair)
        for keys, kinds, default, _ in lines
        for kind in (TYPES if kinds == "all" else kinds.split(", "))
        for pair in rows(keys, default)
    ]
    expected = {(kind, *pair) for kind, settings in TYPES.items() for pair in fields(settings)}
    expected |= {(kind, "type", "required") for kind in TYPES}
    expected |= {
        ("Latency", f"track_commands[].{key}", text) for key, text in fields(TrackedCommand)
    }
    assert set(told) == expected
    assert len(told) == len(expected)
