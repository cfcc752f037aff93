"""Every value of the schema, at every level, with everything that it must not be."""

from pathlib import Path

import pytest
from msgspec import inspect

from tests.unit.config.cases import Mistake, check, loaded
from tests.unit.config.yaml_text import ANOMALIES, Place, named, places

NO_NUMBER = {
    "true": "is true",
    "yes": "is the text 'yes'",
    "'5'": "is the text '5'",
    "5s": "is the text '5s'",
    "[1]": "is a list",
    "{}": "is a section",
    "2024-01-02": "is the date 2024-01-02 (text needs quotes)",
    ".nan": "is nan",
    ".inf": "is inf",
    "-.inf": "is -inf",
    "1e999": "is inf",
    "9" * 400: "is a huge number",
    "-1": "is -1",
}
NO_BOOLEAN = {
    "yes": "is the text 'yes'; did you mean true?",
    "On": "is the text 'On'; did you mean true?",
    "no": "is the text 'no'; did you mean false?",
    "OFF": "is the text 'OFF'; did you mean false?",
    "'true'": "is the text 'true'",
    "1": "is 1",
    "[true]": "is a list",
}
NO_WORD = {
    "nonsense": "is the text 'nonsense'",
    "''": "is an empty text",
    "5": "is 5",
    "true": "is true",
    "[all]": "is a list",
    "{a: b}": "is a section",
    "2024-01-02": "is the date 2024-01-02 (text needs quotes)",
}
NO_TEXT = {word: said for word, said in NO_WORD.items() if "text '" not in said and word != "''"}
NO_FOLDER = {
    "log": "is the text 'log'",
    "''": "is an empty text",
    "/": "is the text '/'",
    "/a/../b": "is the text '/a/../b'",
    '"/a\\0b"': "is the text '/a\\x00b'",
    "~": "is empty",
    "~/log": "is the text '~/log'",
    "5": "is 5",
    "[/log]": "is a list",
}
NO_LIST = {
    "dmesg": "is the text 'dmesg'",
    "''": "is an empty text",
    "5": "is 5",
    "true": "is true",
    "{}": "is a section",
}
NO_SECTION = {
    "text": "is the text 'text'",
    "5": "is 5",
    "false": "is false",
    "[]": "is a list",
    "- a": "is a list",
    "2024-01-02": "is the date 2024-01-02",
}
EMPTY = {"": "is empty", "null": "is empty", "~": "is empty"}

BY_KIND: dict[type[inspect.Type], dict[str, str]] = {
    inspect.IntType: NO_NUMBER | {"1.5": "is 1.5"},
    inspect.FloatType: NO_NUMBER,
    inspect.BoolType: NO_BOOLEAN,
    inspect.EnumType: NO_WORD,
    inspect.LiteralType: NO_WORD,
    inspect.StrType: NO_TEXT,
    inspect.CustomType: NO_FOLDER,
    inspect.VarTupleType: NO_LIST,
    inspect.StructType: NO_SECTION,
    inspect.DictType: NO_SECTION,
}


def wrong(kind: inspect.Type) -> dict[str, str]:
    """YAML text -> what the message says of it."""
    if isinstance(kind, inspect.UnionType):  # of something and nothing
        first = next(each for each in kind.types if not isinstance(each, inspect.NoneType))
        return {text: said for text, said in wrong(first).items() if text not in EMPTY}
    numbers = inspect.IntType | inspect.FloatType
    return BY_KIND[type(kind)] | EMPTY | (_beyond(kind) if isinstance(kind, numbers) else {})


def _beyond(kind: inspect.IntType | inspect.FloatType) -> dict[str, str]:
    lowest = kind.gt if kind.ge is None else kind.ge - 1
    assert lowest is not None
    assert kind.le is not None
    return {f"{value:.0f}": f"is {value:.0f}" for value in (lowest, kind.le + 1)}


BELOW = [place for place in places() if place.where]


@pytest.mark.parametrize("place", BELOW, ids=named)
def test_what_must_not_stand_there_is_named_with_its_line(tmp_path: Path, place: Place) -> None:
    for text, said in wrong(place.kind).items():
        written = place.holding(text if not text.startswith("- ") else f"\n{' ' * 9}{text}")
        line = written.line + text.startswith("- ")
        check(tmp_path, Mistake(written.text, line, (f"{named(place)} {said}", "allowed: ")))


SECTIONS = [place for place in places() if isinstance(place.kind, inspect.StructType)]


@pytest.mark.parametrize("place", SECTIONS, ids=named)
def test_an_unknown_key_is_named_in_every_section(tmp_path: Path, place: Place) -> None:
    assert isinstance(place.kind, inspect.StructType)
    known = place.kind.fields[-1].encode_name
    hints = {"zzzzz": "; allowed: ", f"{known}x": f"; did you mean {known}? allowed: "}
    for key, hint in hints.items():
        written = Place((*place.where, key), place.kind).holding("1")
        words = f"unknown key {key} in {named(place)}"
        check(tmp_path, Mistake(written.text, written.line, (words + hint,)))


@pytest.mark.parametrize("place", SECTIONS, ids=named)
def test_a_key_stands_once_in_every_section(tmp_path: Path, place: Place) -> None:
    assert isinstance(place.kind, inspect.StructType)
    for field in place.kind.fields:
        once = Place((*place.where, field.encode_name), field.type).holding("{}")
        last = once.text.splitlines()[-1]
        twice = f"{once.text}{' ' * (len(last) - len(last.lstrip(' -')))}{last.lstrip(' -')}\n"
        words = ("duplicate key", f"first in line {once.line}", field.encode_name)
        check(tmp_path, Mistake(twice, once.line + 1, words))


def test_the_places_are_those_of_the_schema() -> None:
    found = {named(place) for place in places()}
    assert {
        "the file",
        "ring_mb",
        "watcher.actions[0]",
        "supervision.attempts",
        "guardian.anomalies.Latency.track_commands[0].threshold",
        "guardian.anomalies.Error.exclude_codes[0]",
    } <= found
    assert len(found) == len(places())


def test_what_is_written_around_a_place_is_right(tmp_path: Path) -> None:
    fine = {"IntType": "16", "FloatType": "16", "BoolType": "false", "CustomType": "/some/where"}
    tried = 0
    for place in places():
        text = fine.get(type(place.kind).__name__)
        if text and place.where[:2] != ANOMALIES:
            if isinstance(place.kind, inspect.IntType):
                text = str(max(int(text), place.kind.ge or 0))
            assert loaded(tmp_path, place.holding(text).text).warnings == ()
            tried += 1
    assert tried > 20
