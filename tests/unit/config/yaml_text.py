"""Configurations as data: how they are written, and every place that the schema has."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from msgspec import inspect

from aod.config.explain import dotted
from aod.config.schema import Config
from aod.config.yaml_lines import Where

Data: TypeAlias = Any
"""What JSON has; all of it is YAML, too."""

ANOMALIES = ("guardian", "anomalies")
REQUIRED = {"command": "SMB2_READ"}
"""What an entry of a list must have."""

_MARK = "@@@"


class Written(NamedTuple):
    """A file, and the line of the place that it is about."""

    text: str
    line: int


class Place(NamedTuple):
    """A value of the schema. Items of lists have the index 0, an anomaly has its type's name."""

    where: Where
    kind: inspect.Type

    def holding(self, text: str) -> Written:
        """A configuration that has this YAML text at the place, and is right everywhere else."""
        in_anomaly = self.where[:2] == ANOMALIES and len(self.where) > 2
        kind = str(self.where[2]) if in_anomaly else "Error"
        data: Data = {"guardian": {"anomalies": {kind: {"type": kind}}}}
        _put(data, self.where, _MARK)
        written = block(data)
        line = written[: written.index(_MARK)].count("\n") + 1
        return Written(written.replace(json.dumps(_MARK), text), line)


def block(data: Data, indent: int = 0) -> str:
    """In block style: a line for each key and for each item that is no section."""
    pad = " " * indent
    if isinstance(data, dict):
        return "".join(f"{pad}{key}:{_value(value, indent)}" for key, value in data.items())
    return "".join(_item(value, indent) for value in data)


def flow(data: Data) -> str:
    """In flow style: one line."""
    return json.dumps(data) + "\n"


def _value(value: Data, indent: int) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + block(value, indent + 2)
    return f" {json.dumps(value)}\n"


def _item(value: Data, indent: int) -> str:
    pad = " " * indent
    if isinstance(value, dict) and value:
        return f"{pad}- {block(value, indent + 2).lstrip()}"
    return f"{pad}- {json.dumps(value)}\n"


def _put(data: Data, where: Where, value: Data) -> None:
    """Set what is at `where`; what leads there is made where it lacks."""
    *way, last = where
    for step, following in zip(way, where[1:], strict=True):
        inner: Data = [] if following == 0 else {}
        if isinstance(data, list):
            inner = dict(REQUIRED)
            data.append(inner)
            data = inner
        else:
            data = data.setdefault(step, inner)
    if isinstance(data, list):
        data.append(value)
    else:
        data.pop(last, None)  # a key that stands last has its line
        data[last] = value


def named(place: Place) -> str:
    """As messages name it."""
    return dotted(place.where)


@cache
def places() -> tuple[Place, ...]:
    """Every value at every level, the whole file first."""
    return tuple(_places(inspect.type_info(Config), ()))


def _places(kind: inspect.Type, where: Where) -> Iterator[Place]:
    yield Place(where, kind)
    match kind:
        case inspect.StructType():
            for field in kind.fields:
                yield from _places(field.type, (*where, field.encode_name))
        case inspect.DictType():
            assert isinstance(kind.value_type, inspect.UnionType)
            for each in kind.value_type.types:
                assert isinstance(each, inspect.StructType)
                yield from _places(each, (*where, str(each.tag)))
        case inspect.VarTupleType():
            yield from _places(kind.item_type, (*where, 0))
