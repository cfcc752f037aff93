"""Finds everything in a document that does not fit the schema, with its line and what is allowed.

msgspec decides whether a configuration is good; it stops at the first fault and names neither the
key of a dictionary nor a line. So, once it has refused, this walks the document and the schema
together.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec import inspect

from aod.config.words import advice, allowed, dotted, shown
from aod.config.yaml_lines import Document, Where
from aod.detectors.registry import registry
from aod.text import quoted, suggestion

_NAMES: Final = "up to 64 letters, digits, '.', '_', '-'; first a letter or digit"


class Problem(NamedTuple):
    """A fault at a line of the file."""

    line: int
    text: str


def problems(document: Document, schema: type) -> Iterator[Problem]:
    """Everything in which the document differs from the schema."""
    yield from _walk(document, document.data, inspect.type_info(schema), ())


def to_path(kind: type, value: object) -> Path:
    """msgspec's `dec_hook`: a folder.

    Raises:
        ValueError: not an absolute path, `/` itself, or one with `..` or a NUL in it.
    """
    if kind is not Path or not isinstance(value, str):
        raise ValueError("not a path")
    path = Path(value)
    if not path.is_absolute() or "\0" in value or ".." in path.parts or len(path.parts) < 2:
        raise ValueError("not an absolute path")
    return path


def _walk(document: Document, value: Any, kind: inspect.Type, where: Where) -> Iterator[Problem]:
    match kind:
        case inspect.StructType() if isinstance(value, dict):
            yield from _struct(document, value, kind, where)
        case inspect.DictType() if isinstance(value, dict):
            yield from _dictionary(document, value, kind, where)
        case inspect.CollectionType() if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _walk(document, item, kind.item_type, (*where, index))
        case inspect.UnionType() if any(isinstance(k, inspect.StructType) for k in kind.types):
            yield from _tagged(document, value, kind, where)
        case _ if not _fits(value, kind):
            line = document.value_lines.get(where, 1)
            wrong = f"{dotted(where)} is {shown(value)}"
            yield Problem(line, f"{wrong}; {advice(value, kind)}allowed: {allowed(kind)}")


def _struct(
    document: Document, value: dict[str, Any], kind: inspect.StructType, where: Where
) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in kind.fields}
    known = [*([kind.tag_field] if kind.tag_field else []), *fields]
    for key in value:
        if key not in known:
            wrong = f"unknown key {quoted(key)} in {dotted(where)}"
            text = f"{wrong}; {suggestion(key, known)}allowed: {', '.join(known)}"
            yield Problem(document.line((*where, key)), text)
    for name, field in fields.items():
        if name in value:
            yield from _walk(document, value[name], field.type, (*where, name))
        elif field.required:
            text = f"{dotted(where)} has no {name} (required); allowed: {allowed(field.type)}"
            yield Problem(document.line(where), text)


def _dictionary(
    document: Document, value: dict[str, Any], kind: inspect.DictType, where: Where
) -> Iterator[Problem]:
    if len(value) < (kind.min_length or 0):
        yield Problem(document.line(where), f"{dotted(where)} is empty; allowed: at least one")
    for key, item in value.items():
        if not _fits(key, kind.key_type):
            wrong = f"{quoted(key)} cannot be a name in {dotted(where)}"
            yield Problem(document.line((*where, key)), f"{wrong}; allowed: {_NAMES}")
        yield from _walk(document, item, kind.value_type, (*where, key))


def _tagged(
    document: Document, value: Any, kind: inspect.UnionType, where: Where
) -> Iterator[Problem]:
    """A section whose `type` says which one it is."""
    by_tag = {str(k.tag): k for k in kind.types if isinstance(k, inspect.StructType)}
    names = ", ".join(by_tag)
    if not isinstance(value, dict):
        text = f"{dotted(where)} is {shown(value)}; allowed: a section with a type ({names})"
        yield Problem(document.value_lines.get(where, 1), text)
    elif "type" not in value:
        text = f"{dotted(where)} has no type (required); allowed: {names}"
        yield Problem(document.line(where), text)
    elif isinstance(tag := value["type"], str) and tag in by_tag:
        yield from _walk(document, value, by_tag[tag], where)
    else:
        hint = _about_type(tag, by_tag) if isinstance(tag, str) else ""
        text = f"{dotted((*where, 'type'))} is {shown(tag)}; {hint}allowed: {names}"
        yield Problem(document.value_lines.get((*where, "type"), 1), text)


def _about_type(tag: str, known: Iterable[str]) -> str:
    """Why an installed package's type cannot be used, else the type that was perhaps meant."""
    why = registry().why_refused(tag)
    return f"a package offers it, but {why}; " if why else suggestion(tag, known)


def _fits(value: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StrType():
            fits = isinstance(value, str) and _fits_text(value, kind)
        case inspect.IntType() | inspect.FloatType():
            fits = _fits_number(value, kind)
        case inspect.BoolType():
            fits = isinstance(value, bool)
        case inspect.EnumType():
            fits = value in [member.value for member in kind.cls]
        case inspect.LiteralType():
            fits = value in kind.values
        case inspect.UnionType():
            fits = any(_fits(value, each) for each in kind.types)
        case inspect.CustomType():
            fits = _fits_path(value)
        case inspect.CollectionType():
            fits = isinstance(value, list) and all(_fits(item, kind.item_type) for item in value)
        case inspect.StructType() | inspect.DictType():
            fits = isinstance(value, dict)
        case inspect.NoneType():
            fits = value is None
        case _:  # of another package's type: only msgspec can judge it
            fits = True
    return fits


def _fits_text(text: str, kind: inspect.StrType) -> bool:
    shortest, longest = kind.min_length or 0, kind.max_length or len(text)
    return shortest <= len(text) <= longest and bool(re.search(kind.pattern or "", text))


def _fits_number(value: Any, kind: inspect.IntType | inspect.FloatType) -> bool:
    whole = isinstance(kind, inspect.IntType)
    return (
        isinstance(value, int if whole else int | float)
        and not isinstance(value, bool)
        and (kind.gt is None or value > kind.gt)
        and (kind.ge is None or value >= kind.ge)
        and (kind.lt is None or value < kind.lt)
        and (kind.le is None or value <= kind.le)
    )


def _fits_path(value: Any) -> bool:
    try:
        to_path(Path, value)
    except ValueError:
        return False
    return True
