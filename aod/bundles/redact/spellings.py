"""How a name may be spelled in a log, and one pattern for very many names."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote_from_bytes

from aod.bundles.redact.letters import composed, lowered, variants

_BACKSLASHED: Final = (
    rb"\\{1,4}(?:0(?:1[12]|[45][0-7]|7[2-7])|3[0-7]{2}(?:\\{1,4}2[0-7]{2}){1,3}|u0[0-5][0-9a-f]{2})"
)
r"""Octal as the kernel writes it (seq_escape, mangle_path) and others what is beyond ASCII; JSON's.
Not all that might be one: the folders of `\\srv\share\2026` begin with digits."""
_PERCENT: Final = (
    rb"%(?:2[0-9a-e]|3[a-f]|40|5[bdef]|60|7[b-e]|[c-f][0-9a-f](?:%[89ab][0-9a-f]){1,3})"
)
"""Of URLs: what is no letter of ASCII."""
SEPARATOR: Final = rb"(?>(?:(?!" + _BACKSLASHED + rb")\\(?:134|u005c)?|/|%5c|%2f)+)"
"""Between the parts of a path: one or several of either slash, escaped or not."""


def letters(but: bytes) -> bytes:
    """A pattern for a part of a path, with its escapes; `but` are the characters that end it.

    At most 255 letters of 3 bytes (MS-FSCC 2.1.5.2): a line that has no end is no name."""
    return rb"(?:[^\\/%" + but + rb"]|%(?!5c|2f)|" + _BACKSLASHED + rb"){1,765}"


_ESCAPE: Final = re.compile(_BACKSLASHED + rb"|" + _PERCENT)
_CODE: Final = re.compile(rb"\\+([0-3][0-7]{2})|\\+u([0-9a-f]{4})|%([0-9a-f]{2})")
_MANGLED: Final = re.compile(rb"[ \t\n\\#]")
"""What a field of a mount table has escaped."""
_SHOWN: Final = re.compile(rb"[ \t\n\\#,=]")
"""A mount option, too (seq_show_option)."""
_NOT_OF_UNITS: Final = re.compile(rb"[^a-zA-Z0-9:_./]|\A\.")
_NOT_ASCII: Final = re.compile(rb"[\x00-\x20\\\x7f-\xff]")
_END: Final = -1

_Node = dict[int, "_Node"]


def plain(text: bytes) -> bytes:
    """A name (lower case) without its escapes, composed."""
    return composed(_ESCAPE.sub(lambda match: _CODE.sub(_unescaped, match[0]), text))


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, in_json, in_url = match.groups()
    if octal:
        return bytes([int(octal, 8)])
    return chr(int(in_json, 16)).encode() if in_json else bytes.fromhex(in_url.decode())


def spellings(name: bytes) -> set[bytes]:
    """A name as it is, and as mount tables, URLs, JSON and C would have it; in lower case."""
    made = {spelled for one in variants(name) for spelled in _spelled(one)}
    in_json = {_in_json(one) for one in made}
    in_json |= {_in_json(one) for one in in_json}  # a document as a string of another one
    return {lowered(one) for one in made | in_json}


def _in_json(text: bytes) -> bytes:
    return json.dumps(text.decode(errors="replace"))[1:-1].encode()


def _spelled(name: bytes) -> Iterator[bytes]:
    yield name
    yield _MANGLED.sub(_octal, name)
    yield _SHOWN.sub(_octal, name)
    yield _NOT_ASCII.sub(_octal, name)
    yield _NOT_ASCII.sub(_hex, name)
    yield quote_from_bytes(name).encode()
    yield quote_from_bytes(name, safe="/$&+,:;=?@ ").encode()


def of_units(path: bytes) -> set[bytes]:
    """How systemd's units name a path (systemd-escape(1)), in lower case; in JSON, too."""
    made = {
        _NOT_OF_UNITS.sub(_hex, one.strip(b"/")).replace(b"/", b"-").lower()
        for one in variants(path)
    }
    return made | {one.replace(b"\\", b"\\\\") for one in made}


def _hex(match: re.Match[bytes]) -> bytes:
    return b"\\x%02x" % match[0][0]


def _octal(match: re.Match[bytes]) -> bytes:
    return b"\\%03o" % match[0][0]


def any_of(words: Iterable[bytes]) -> bytes:
    """A pattern that matches the longest of these words; for none of them, one that never does.

    A tree of their beginnings: the time for a place in a text does not grow with their number."""
    root: _Node = {}
    for word in words:
        node = root
        for byte in word:
            node = node.setdefault(byte, {})
        node[_END] = {}
    return _pattern(root) if root else rb"(?!)"


def _pattern(node: _Node) -> bytes:
    run = b""
    while len(node) == 1 and _END not in node:
        ((byte, node),) = node.items()
        run += re.escape(bytes([byte]))
    children = [(byte, child) for byte, child in node.items() if byte != _END]
    if not children:
        return run
    branches = [re.escape(bytes([byte])) + _pattern(child) for byte, child in children]
    may_end = b"?" if _END in node else b""
    return run + b"(?:" + b"|".join(branches) + b")" + may_end
