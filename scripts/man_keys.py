"""Writes the tables of keys in conf/man/aod.yaml.5.scd from the schema: python -m scripts.man_keys

A table stands between the lines `; keys: NAME` and `; end`, NAME being a section's class.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import NODEFAULT, UNSET, inspect

from aod.config.explain import choices
from aod.config.schema import (
    Audit,
    Capture,
    Cleanup,
    Config,
    Guardian,
    Packets,
    Supervision,
    Trace,
    Watcher,
)
from aod.detectors.api import Settings
from aod.detectors.connection import Connection
from aod.detectors.error import Error
from aod.detectors.latency import Latency, TrackedCommand
from aod.settings import DAY_SEC, ActionName, Section
from scripts.vm.tools import REPO

TARGET: Final = REPO / "conf" / "man" / "aod.yaml.5.scd"
SINCE: Final = {"Capture.proc_cifs": "0.2.0", "Packets.ports": "0.2.0"}
"""The version that brought a key (`Capture.redact`), where that is not `FIRST`."""
FIRST: Final = "0.1.0"
SECTIONS: Final[dict[str, type[Section]]] = {
    schema.__name__: schema
    for schema in (
        *(Config, Guardian, Settings, Latency, TrackedCommand, Error, Connection),
        *(Watcher, Cleanup, Audit, Capture, Packets, Trace, Supervision),
    )
}
_UNITS: Final = {
    **{"_sec": "s", "_ms": "ms", "_mb": "MB", "_days": "days", "_percent": "%"},
    **{"snaplen": "bytes", "threshold": "ms"},
}
_TYPES: Final[dict[type[inspect.Type], str]] = {
    inspect.CollectionType: "list",
    inspect.DictType: "section",
    inspect.BoolType: "bool",
    inspect.IntType: "int",
    inspect.FloatType: "num",
    inspect.CustomType: "path",
    inspect.EnumType: "word",
    inspect.LiteralType: "word",
    inspect.StrType: "text",
}
_TABLE: Final = re.compile(r"^; keys: (\w+)\n.*?^; end\n", re.MULTILINE | re.DOTALL)


class Row(NamedTuple):
    """A line of a table."""

    key: str
    type: str
    unit: str
    default: str
    allowed: str
    since: str


def rows(schema: type[Section]) -> Iterator[Row]:
    """The keys of a section that are no sections themselves, in the order of the schema."""
    if schema is Settings:
        yield Row("type", "word", "-", "required", "see below", FIRST)
    inherited = _defaults(Settings) if schema is not Settings else {}
    for field in inspect.type_info(schema).fields:  # type: ignore[attr-defined]
        name = field.encode_name
        if not isinstance(field.type, inspect.StructType) and (
            name not in inherited or inherited[name] != field.default
        ):
            default = shown(schema, _defaults(schema)[name])
            since = SINCE.get(f"{schema.__name__}.{name}", FIRST)
            yield Row(name, _type(field.type), _unit(name), default, allowed(field), since)


def _defaults(schema: type[Section]) -> dict[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(schema)}


def _unit(name: str) -> str:
    return next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "-")


def _type(kind: inspect.Type) -> str:
    """In a word; of several, that of the first: null is a value, no type."""
    first = kind.types[0] if isinstance(kind, inspect.UnionType) else kind
    return next(word for each, word in _TYPES.items() if isinstance(first, each))


def shown(schema: type[Section], default: Any) -> str:
    """A default of a section's key, as the table has it."""
    if default in (None, UNSET) and schema is TrackedCommand:
        return "anomaly's"
    if default == tuple(ActionName):
        return "all"
    if default and isinstance(default, tuple):
        return ",".join(map(str, default))
    known = {NODEFAULT: "required", None: "none", (): "none", True: "true", False: "false"}
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    return _number(default) if is_number else known.get(default, str(default))


def allowed(field: inspect.Field) -> str:
    """What the schema takes, in short; a range without its lower end is `>0-5`."""
    kinds = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
    return ", ".join(_allowed(kind, _unit(field.name)) for kind in kinds)


def _allowed(kind: inspect.Type, unit: str) -> str:
    match kind:
        case inspect.IntType() | inspect.FloatType():
            least = _number(kind.ge) if kind.gt is None else f">{_number(kind.gt)}"
            day = {"s": DAY_SEC, "ms": DAY_SEC * 1000}.get(unit)
            return f"{least}-{'1 day' if kind.le == day else _number(kind.le)}"
        case inspect.CollectionType():
            items = {inspect.EnumType: "actions", inspect.StrType: "names"}
            if isinstance(kind.item_type, inspect.IntType):
                return _allowed(kind.item_type, unit)
            return items.get(type(kind.item_type), "entries")
    words = {
        inspect.NoneType: "null",
        inspect.CustomType: "absolute",
        inspect.DictType: "1 or more",
    }
    words |= {inspect.StrType: "a name"}
    return words.get(type(kind)) or _choices(kind)


def _choices(kind: inspect.Type) -> str:
    found = choices(kind)
    return "see below" if len(found) > 2 else "|".join(found)


def _number(value: Any) -> str:
    return f"{value:g}" if value != int(value) else str(int(value))


def table(schema: type[Section]) -> str:
    """A section's keys in aligned columns, the header first."""
    lines = [Row._fields, *rows(schema)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (map(str.ljust, line, widths) for line in lines)
    return "".join("  ".join(cells).rstrip() + "\n" for cells in padded)


def filled(page: str) -> str:
    """A page with all of its tables as the schema has them."""
    return _TABLE.sub(lambda found: _block(found[1]), page)


def _block(name: str) -> str:
    return f"; keys: {name}\n```\n{table(SECTIONS[name])}```\n; end\n"


if __name__ == "__main__":
    TARGET.write_text(filled(TARGET.read_text()))
