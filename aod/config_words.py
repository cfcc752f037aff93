"""The words of configuration messages: what stands there, what is allowed, what was meant."""

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from typing import Any, Final

from msgspec import inspect

from aod.yaml_lines import Where

LONGEST: Final = 60
"""Of what a message quotes from the file."""

_PREFIXES: Final = ("", "smb2_", "status_", "e")
"""What people leave off: WRITE for SMB2_WRITE, ACCESS_DENIED for STATUS_ACCESS_DENIED."""


def dotted(where: Where) -> str:
    """`guardian.anomalies.latency.actions[2]`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{quoted(step)}" for step in where)
    return "".join(steps).removeprefix(".") or "the file"


def quoted(text: str) -> str:
    """Text of the file as it may stand in a message: one short line, whatever it holds."""
    plain = text if text.isprintable() and text else repr(text)
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 3] + "..."


def suggestion(word: str, options: Iterable[str]) -> str:
    """`did you mean SMB2_WRITE? ` or nothing."""
    folded = {option.casefold(): option for option in options}
    word = word.casefold()[:LONGEST]
    exact = [folded[prefix + word] for prefix in _PREFIXES if prefix + word in folded]
    near = exact or [folded[match] for match in get_close_matches(word, folded, 1)]
    return f"did you mean {near[0]}? " if near else ""


def shown(value: object) -> str:
    """What stands in the file."""
    kinds: dict[type, str] = {list: "a list", dict: "a section", type(None): "empty"}
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text '{quoted(value)}'" if value else "an empty text"
    if isinstance(value, date):
        return f"the date {value} (text needs quotes)"
    return kinds.get(type(value)) or _number(value)


def allowed(kind: inspect.Type) -> str:
    """What the schema takes there."""
    match kind:
        case inspect.StructType():
            words = f"a section with {', '.join(field.encode_name for field in kind.fields)}"
        case inspect.DictType():
            words = "a section"
        case inspect.VarTupleType():
            words = "a list, each line beginning with '- ', or [] for none"
        case inspect.UnionType():
            words = " or ".join(allowed(each) for each in kind.types)
        case inspect.BoolType() | inspect.EnumType() | inspect.LiteralType():
            words = ", ".join(choices(kind))
        case inspect.IntType():
            words = f"a whole number {_bounds(kind)}"
        case inspect.FloatType():
            words = f"a number {_bounds(kind)}"
        case inspect.CustomType():
            words = "an absolute path such as /var/log/aod, without '..'"
        case _:
            words = "null" if isinstance(kind, inspect.NoneType) else "text"
    return words


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
    if kind.ge is None:
        return f"above {_number(kind.gt)}, at most {_number(kind.le)}"
    return f"from {_number(kind.ge)} to {_number(kind.le)}"


def _number(value: object) -> str:
    """As people write it, but never thousands of digits."""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else "a huge number"
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**18:
        return str(int(value))
    return quoted(str(value))
