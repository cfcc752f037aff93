"""Finds everything in a document that does not fit the schema, with its line and what is allowed.

msgspec decides whether a configuration is valid; it stops at the first fault and names neither the
key of a dictionary nor a line. So, once it has refused, this walks the document and the schema
together."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeAlias, get_args, get_origin

import msgspec
from msgspec import inspect

from aod.config.yaml_lines import Document, Where
from aod.detectors.registry import registry
from aod.text import quoted, short, suggestion

_ALLOWED: Final[dict[type[inspect.Type], str]] = {
    inspect.DictType: "a section",
    inspect.CustomType: "an absolute path such as /var/log/aod, without '..'",
    inspect.StrType: "text",
    inspect.NoneType: "null",
}


def dotted(where: Where) -> str:
    """`guardian.anomalies.latency.actions[2]`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{quoted(step)}" for step in where)
    return "".join(steps).removeprefix(".") or "the file"


def shown(value: object) -> str:
    """A value of the file, in words."""
    kinds: dict[type, str] = {list: "a list", dict: "a section", type(None): "empty"}
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = value if value.isprintable() else repr(value)[1:-1]
        return f"the text '{short(plain)}'" if value else "an empty text"
    if isinstance(value, date):
        return f"the date {value} (text needs quotes)"
    return kinds.get(type(value)) or _number(value)


def allowed(kind: inspect.Type) -> str:
    """What the schema takes there; empty for a type of another package that only msgspec knows."""
    match kind:
        case inspect.StructType():
            return f"a section with {', '.join(field.encode_name for field in kind.fields)}"
        case inspect.CollectionType():
            return "a list, each line beginning with '- ', or [] for none"
        case inspect.UnionType():
            words = [allowed(each) for each in kind.types]
            return " or ".join(words) if all(words) else ""
        case inspect.IntType() | inspect.FloatType():
            number = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
            return f"{number} {_bounds(kind)}".rstrip()
        case inspect.StrType() if kind.max_length is not None:
            return f"text of {kind.min_length or 0} to {kind.max_length} letters"
    return _ALLOWED.get(type(kind), "") or ", ".join(choices(kind))


def choices(kind: inspect.Type) -> list[str]:
    """The values of a type that has few; none for all others."""
    match kind:
        case inspect.BoolType():
            return ["true", "false"]
        case inspect.EnumType():
            return [str(member.value) for member in kind.cls]
        case inspect.LiteralType():
            return [str(value) for value in kind.values]
    return []


def advice(value: Any, kind: inspect.Type) -> str:
    """What to write instead, where it can be guessed; ends in a space."""
    match kind:
        case inspect.StructType() if isinstance(value, str):
            first = next((field.encode_name for field in kind.fields if field.required), None)
            return f"did you mean '{first}: {quoted(value)}'? " if first else ""
        case inspect.IntType() | inspect.FloatType() if isinstance(value, str):
            return "a number stands without quotes and without a unit; "
        case inspect.BoolType() if str(value).casefold() in {"yes", "no", "on", "off"}:
            return f"did you mean {'true' if str(value).casefold() in {'yes', 'on'} else 'false'}? "
        case _ if value is None:
            return "leave the line out for the default; "
    return suggestion(value, choices(kind)) if isinstance(value, str) else ""


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f"from {_number(kind.ge)} to {_number(kind.le)}"
    limits = {"above": kind.gt, "at least": kind.ge, "below": kind.lt, "at most": kind.le}
    named = (f"{word} {_number(limit)}" for word, limit in limits.items() if limit is not None)
    return ", ".join(named)


def _number(value: object) -> str:
    """As people write it, but never thousands of digits."""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else "a huge number"
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**18:
        return str(int(value))
    return quoted(str(value))


_NAMES: Final = "up to 64 letters, digits, '.', '_', '-'; first a letter or digit"


_Found: TypeAlias = tuple[Where, str, bool]
"""A place, what is wrong, and whether that is the value there rather than the key."""


class Problem(NamedTuple):
    """A fault at a line of the file."""

    line: int
    text: str


def problems(document: Document, schema: type) -> Iterator[Problem]:
    """Everything in which the document differs from the schema, with the line of key or value."""
    for where, text, of_value in _walk(document.data, schema, ()):
        line = document.value_lines.get(where, 1) if of_value else document.line(where)
        yield Problem(line, text)


def to_path(kind: type, value: object) -> Path:
    """msgspec's `dec_hook`: a folder.

    Raises ValueError: not an absolute path, `/` itself, or one with `..` or a NUL in it."""
    if kind is not Path or not isinstance(value, str):
        raise ValueError("not a path")
    path = Path(value)
    if not path.is_absolute() or "\0" in value or ".." in path.parts or len(path.parts) < 2:
        raise ValueError("not an absolute path")
    return path


_inspected = cache(inspect.type_info)


def _walk(value: Any, hint: Any, where: Where) -> Iterator[_Found]:
    kind = _inspected(hint)
    match kind:
        case inspect.StructType() if isinstance(value, dict):
            yield from _struct(value, kind, where)
        case inspect.DictType() if isinstance(value, dict):
            yield from _dictionary(value, hint, where)
        case inspect.CollectionType() if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _walk(item, _arguments(hint)[0], (*where, index))
        case inspect.UnionType() if any(isinstance(k, inspect.StructType) for k in kind.types):
            yield from _tagged(value, kind, where)
        case _ if (may_be := allowed(kind)) and not _fits(value, hint):
            wrong = f"{dotted(where)} is {shown(value)}"
            yield where, f"{wrong}; {advice(value, kind)}allowed: {may_be}", True


def _arguments(hint: Any) -> tuple[Any, ...]:
    """`(str, int)` for `dict[str, int]`."""
    return get_args(get_args(hint)[0] if get_origin(hint) is Annotated else hint)


def _fits(value: Any, hint: Any) -> bool:
    with suppress(msgspec.ValidationError):
        msgspec.convert(value, hint, dec_hook=to_path)
        return True
    return False


def _struct(value: dict[str, Any], kind: inspect.StructType, where: Where) -> Iterator[_Found]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind.cls)}
    known = [*([kind.tag_field] if kind.tag_field else []), *fields]
    for key in value:
        if key not in known:
            wrong = f"unknown key {quoted(key)} in {dotted(where)}"
            text = f"{wrong}; {suggestion(key, known)}allowed: {', '.join(known)}"
            yield (*where, key), text, False
    for name, field in fields.items():
        if name in value:
            yield from _walk(value[name], field.type, (*where, name))
        elif field.required:
            may_be = allowed(_inspected(field.type))
            yield where, f"{dotted(where)} has no {name} (required); allowed: {may_be}", False


def _dictionary(value: dict[str, Any], hint: Any, where: Where) -> Iterator[_Found]:
    if not value and not _fits(value, hint):
        yield where, f"{dotted(where)} is empty; allowed: at least one", False
    key_hint, item_hint = _arguments(hint)
    for key, item in value.items():
        if not _fits(key, key_hint):
            wrong = f"{quoted(key)} cannot be a name in {dotted(where)}"
            yield (*where, key), f"{wrong}; allowed: {_NAMES}", False
        yield from _walk(item, item_hint, (*where, key))


def _tagged(value: Any, kind: inspect.UnionType, where: Where) -> Iterator[_Found]:
    """A section whose `type` says which one it is."""
    by_tag = {str(k.tag): k.cls for k in kind.types if isinstance(k, inspect.StructType)}
    names = ", ".join(by_tag)
    if not isinstance(value, dict):
        text = f"{dotted(where)} is {shown(value)}; allowed: a section with a type ({names})"
        yield where, text, True
    elif "type" not in value:
        yield where, f"{dotted(where)} has no type (required); allowed: {names}", False
    elif isinstance(tag := value["type"], str) and tag in by_tag:
        yield from _walk(value, by_tag[tag], where)
    else:
        hint = suggestion(tag, by_tag) if isinstance(tag, str) else ""
        refused = (one.why for one in registry().refusals if one.name == tag)
        hint = next((f"a package offers it, but {why}; " for why in refused), hint)
        place = (*where, "type")
        yield place, f"{dotted(place)} is {shown(tag)}; {hint}allowed: {names}", True
