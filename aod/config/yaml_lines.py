"""YAML as plain Python values that still know their lines.

The composer of ruamel.yaml gives nodes with positions; the values are built here, because what
ruamel builds has either no positions or types that msgspec does not take. That also keeps files
small and flat: aliases cannot unfold without end, and nothing recurses deeper than `MAX_DEPTH`."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

MAX_BYTES: Final = 256 * 1024
MAX_VALUES: Final = 50_000
MAX_DEPTH: Final = 20
_TOO_DEEP: Final = f"nested too deeply; at most {MAX_DEPTH} levels"

_SCALARS: Final = frozenset({"null", "bool", "int", "float", "str", "timestamp", "value"})
_KINDS: Final = {"int": "number", "float": "number", "timestamp": "date"}
_HINTS: Final = {
    "\\t": "indent with spaces, not with tabs",
    "cannot start any token": "text that begins with it needs quotes",
    "mapping values are not allowed": "wrong indentation, or text with ': ' that needs quotes",
    "<document start>": "the line begins further left than those before it",
    "<block end>": "wrong indentation, or a '- ' or ':' is missing",
    "could not find expected ':'": "a ':' is missing, or the indentation is wrong",
}
"""Part of ruamel.yaml's message -> what the writer of the file did."""

_LATE: Final = ("end of stream", "<stream end>", "could not find expected ':'")
"""Parts of messages about something that was begun further up."""

Where: TypeAlias = tuple[str | int, ...]
"""The keys and indexes that lead to a value; () is the whole document."""


class BadYamlError(Exception):
    """Not YAML, or YAML that a configuration has no use for; its `args` are the line and a text."""


@dataclass
class Document:
    """One YAML document; lines count from 1."""

    data: Any = None
    """None, bool, int, float, str, date, datetime, list, dict with text keys."""
    value_lines: dict[Where, int] = field(default_factory=dict)
    key_lines: dict[Where, int] = field(default_factory=dict)

    def line(self, where: Where) -> int:
        """The line of a key; of the item, for what is in a list."""
        return self.key_lines.get(where) or self.value_lines.get(where, 1)


def parse(raw: bytes) -> Document:
    """The document in a file's content.

    Raises BadYamlError: with the line; nothing else, whatever the bytes are."""
    if len(raw) > MAX_BYTES:
        raise BadYamlError(1, f"the file is larger than {MAX_BYTES // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadYamlError(line, f"not UTF-8: byte 0x{raw[error.start]:02x}") from error
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MAX_DEPTH
    document = Document()
    with warnings.catch_warnings(action="ignore"):  # ruamel's: an anchor defined twice, and so on
        if (root := _composed(yaml, text)) is not None:
            document.data = _Builder(yaml, document).value(root, ())
    return document


def _composed(yaml: YAML, text: str) -> Any:
    try:
        return yaml.compose(text)
    except RecursionError:
        raise BadYamlError(1, _TOO_DEEP) from None
    except ReaderError as error:
        character = chr(error.character) if isinstance(error.character, int) else error.character
        line = text.count("\n", 0, max(text.find(character), 0)) + 1
        raise BadYamlError(line, f"the character {character!r} is not allowed in YAML") from error
    except MarkedYAMLError as error:
        raise _broken(error) from error
    except (YAMLError, ValueError) as error:
        raise BadYamlError(1, f"broken YAML: {str(error).splitlines()[0]}") from error


def _broken(error: MarkedYAMLError) -> BadYamlError:
    problem = error.problem or error.context or "unknown error"
    mark = error.problem_mark or error.context_mark
    if any(part in problem for part in _LATE):
        mark = error.context_mark or mark  # where it begins, not where it is noticed
    line = mark.line + 1 if mark else 1
    if "maximum depth" in problem:
        return BadYamlError(line, _TOO_DEEP)
    if "single document" in str(error.context):
        return BadYamlError(line, "a second document begins here; allowed: one")
    hint = next((f"; {hint}" for part, hint in _HINTS.items() if part in problem), "")
    return BadYamlError(line, f"broken YAML: {problem}{hint}")


class _Builder:
    """Walks the nodes of one document."""

    def __init__(self, yaml: YAML, document: Document):
        self._scalar = yaml.constructor.construct_object
        self._document = document
        self._left = MAX_VALUES

    def value(self, node: Node, where: Where) -> Any:
        line = self._document.value_lines[where] = _line(node)
        self._spend(node, len(where))
        kind = _kind(node)
        if isinstance(node, MappingNode) and kind == "map":
            return self._mapping(node, where)
        if isinstance(node, SequenceNode) and kind == "seq":
            return [self.value(item, (*where, i)) for i, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and kind in _SCALARS:
            return self._plain(node)
        tag = kind if ":" in kind or kind.startswith("!") else f"!!{kind}"
        raise BadYamlError(line, f"the tag {_short(tag)} is not supported; leave it out")

    def _spend(self, node: Node, depth: int) -> None:
        """Ends what unfolds without end: aliases of aliases, a section merged into itself."""
        self._left -= 1
        if depth > MAX_DEPTH:
            raise BadYamlError(_line(node), _TOO_DEEP)
        if self._left < 0:
            raise BadYamlError(_line(node), f"too much: more than {MAX_VALUES} values")

    def _plain(self, node: ScalarNode) -> Any:
        try:
            return self._scalar(node)
        except (YAMLError, ValueError, ArithmeticError, LookupError) as error:
            kind = _KINDS.get(_kind(node), "value")
            text = f"{_short(node.value)} is no {kind}; if text is meant, put it in quotes"
            raise BadYamlError(_line(node), text) from error

    def _mapping(self, node: MappingNode, where: Where) -> dict[str, Any]:
        made: dict[str, Any] = {}
        own = sum(_kind(key) != "merge" for key, _ in node.value)
        for index, (key, key_node, value_node) in enumerate(self._entries(node, len(where))):
            place, line = (*where, key), _line(key_node)
            if key not in made:
                self._document.key_lines[place] = line
                made[key] = self.value(value_node, place)
                if made[key] is None:  # one that is not written has the position of what follows
                    self._document.value_lines[place] = line
            elif index < own:
                first = self._document.key_lines[place]
                raise BadYamlError(line, f"duplicate key {_short(key)}; first in line {first}")
        return made

    def _entries(self, node: MappingNode, depth: int) -> Iterator[tuple[str, Node, Node]]:
        """Its own keys, and then those that `<<:` brings, nearest first."""
        for key, value in node.value:
            if _kind(key) != "merge":
                yield self._key(key), key, value
        for value in (value for key, value in node.value if _kind(key) == "merge"):
            for source in value.value if isinstance(value, SequenceNode) else [value]:
                self._spend(source, depth)
                if not isinstance(source, MappingNode):
                    raise BadYamlError(_line(source), "<< takes a section, or a list of sections")
                yield from self._entries(source, depth + 1)

    def _key(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            raise BadYamlError(_line(node), "a key is text, not a list or a section")
        key = self._plain(node)
        if not isinstance(key, str):
            raise BadYamlError(
                _line(node), f"the key {_short(node.value)} is not text; put it in quotes"
            )
        return key


def _kind(node: Node) -> str:
    return str(node.tag).removeprefix("tag:yaml.org,2002:")


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
