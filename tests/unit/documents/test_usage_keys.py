"""aod.yaml(5) against the schema: every key is in a table and explained, the tables are its own."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec
import pytest

from aod.config.schema import Config, Guardian
from aod.detectors.api import Settings
from aod.detectors.latency import TrackedCommand
from aod.detectors.registry import OURS, registry
from aod.settings import ActionName, Section
from scripts.man_keys import SECTIONS, TARGET, filled, rows
from tests.unit.documents import manual_text

NOT_IN_A_TABLE: Final = {"guardian"}
"""A section without a default of its own."""
PAGE: Final = manual_text.page("aod.yaml.5")
_, *_FOUND = re.split(r"^; keys: (\w+)\n", PAGE, flags=re.MULTILINE)
PARTS: Final = dict(zip(_FOUND[::2], _FOUND[1::2], strict=True))
"""The page from each table to the next one."""


def sections(schema: type[Section]) -> Iterator[type[Section]]:
    """A section and those in it."""
    yield schema
    for field in msgspec.structs.fields(schema):
        if isinstance(field.default, Section):
            yield from sections(type(field.default))


def test_the_tables_are_those_of_the_schema() -> None:
    assert filled(PAGE) == PAGE, "write them anew: python -m scripts.man_keys"
    assert TARGET.read_text() == PAGE


def test_every_section_has_its_table() -> None:
    ours = {offer.settings for offer in registry().offers.values() if offer.package == OURS}
    wanted = {*sections(Config), Guardian, Settings, TrackedCommand, *ours}
    assert set(SECTIONS.values()) == wanted
    assert list(PARTS) == list(SECTIONS)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_is_in_its_table_with_its_default(name: str) -> None:
    """Read from the page, without what writes it."""
    _, *lines = manual_text.columns(manual_text.blocks(PARTS[name])[0])
    shown = {line[0]: line[3] for line in lines}
    schema = SECTIONS[name]
    common = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    expected = {
        field.name: field.default
        for field in msgspec.structs.fields(schema)
        if not isinstance(field.default, Section)
        and field.name not in NOT_IN_A_TABLE
        and (schema is Settings or common.get(field.name, Section) != field.default)
    }
    assert shown.pop("type", "required") == "required"
    assert list(shown) == list(expected)
    for key, default in expected.items():
        assert is_shown(shown[key], default), f"{key}: {default!r} is shown as {shown[key]}"


def is_shown(text: str, default: object) -> bool:
    if default is msgspec.NODEFAULT:
        return text == "required"
    if default is None or default is msgspec.UNSET or default == ():
        return text in {"none", "anomaly's"}
    if isinstance(default, tuple):
        return text == ("all" if ActionName.TCPDUMP in default else ",".join(map(str, default)))
    if isinstance(default, bool):
        return text == str(default).lower()
    return float(text) == default if isinstance(default, int | float) else text == str(default)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_is_explained(name: str) -> None:
    explained = [
        key for entry in manual_text.entries(PARTS[name]) for key in manual_text.names(entry)
    ]
    keys = [row.key for row in rows(SECTIONS[name])]
    own = [key for key in keys if (name, key) != ("Connection", "acceptable_count")]
    assert sorted(explained[: len(own)]) == sorted(own)
