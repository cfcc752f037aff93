"""The words of configuration messages: what stands there, what is allowed, what was meant."""

from datetime import date
from typing import Any, Final

from msgspec import inspect

from aod.config.yaml_lines import Where
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
    """What stands in the file."""
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
