"""How a name may be spelled in a log, and one pattern for very many names."""

import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote_from_bytes

_OCTAL: Final = re.compile(rb"\\([0-3][0-7]{2})")
_MANGLED: Final = re.compile(rb"[ \t\n\\#]")
_NOT_ASCII: Final = re.compile(rb"[\x00-\x20\\\x7f-\xff]")
_END: Final = -1

_Node = dict[int, "_Node"]


def plain(text: bytes) -> bytes:
    """A field of /proc/mounts without its octal escapes (seq_path, fs/seq_file.c)."""
    return _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), text)


def spellings(name: bytes) -> set[bytes]:
    """A name as it is, and as mount tables, URLs, JSON and C would have it; in lower case."""
    made = {
        name,
        _MANGLED.sub(_octal, name),
        _NOT_ASCII.sub(_octal, name),
        _NOT_ASCII.sub(lambda match: b"\\x%02x" % match[0][0], name),
        quote_from_bytes(name).encode(),
        quote_from_bytes(name, safe="/$&+,:;=?@ ").encode(),
    }
    in_json = {json.dumps(one.decode(errors="replace"))[1:-1].encode() for one in made}
    return {one.lower() for one in made | in_json}


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
