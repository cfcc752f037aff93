r"""A line without its escapes, and where each of its letters was printed.

Whoever prints a command line escapes it in his own way: mounts in octal (`\040`), systemd and C in
hex (`\x20`), JSON (`\"`, `\u003d`), sudo and shells with a backslash before each sign, links with
`%3D`, HTML with `&amp;`, rsyslog with `#012`. One escape in another is undone a step at a time."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate
from typing import Final

Span = tuple[int, int, bytes]
"""From, to, and what is to stand there instead."""
_Piece = tuple[bytes, int, int]
"""What is read, and from where to where it stands in the other text."""

_ESCAPE: Final = re.compile(
    rb"\\(?:u00([0-9a-f]{2})|x([0-9a-f]{2})|([0-3][0-7]{2})|([^\n]))"
    rb"|%(0[0ad]|[2-7][0-9a-f])|&(?:(amp|quot|apos|lt|gt)|#([0-9]{1,3})|#x([0-9a-f]{1,2}));"
    rb"|#([0-3][0-7]{2})",
    re.IGNORECASE,
)
_BASE: Final = {1: 16, 2: 16, 3: 8, 5: 16, 7: 10, 8: 16, 9: 8}
_BACKSLASH: Final = 4
_LETTERS: Final = {b"n": b"\n", b"r": b"\n", b"t": b"\t", b"0": b"\0"}
_NAMED: Final = {b"amp": b"&", b"quot": b'"', b"apos": b"'", b"lt": b"<", b"gt": b">"}
_SIGNS: Final = (b"\\", b"%", b"&", b"#")


class View:
    """A text made of pieces of another."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []

    def add(self, part: bytes, origin: int, end: int) -> None:
        """These letters, which take the place from `origin` to `end` in the other text: each the
        same number, or all of them together."""
        if part:
            self._pieces.append((part, origin, end))

    def add_all(self, pieces: Iterable[_Piece]) -> None:
        """The same for many, none of them empty."""
        self._pieces += pieces

    def add_foreign(self, part: bytes) -> None:
        """These letters, which are not in the other text."""
        self.add(part, _NOWHERE, _NOWHERE)

    @cached_property
    def text(self) -> bytes:
        """What is to be read."""
        return b"".join([part for part, _, _ in self._pieces])

    @cached_property
    def _starts(self) -> list[int]:
        return list(accumulate((len(part) for part, _, _ in self._pieces), initial=0))

    def back(self, spans: Iterable[Span]) -> Iterator[Span]:
        """The same in the other text, in as many spans as there are pieces in each."""
        if self._is_one_piece():
            _, origin, _ = self._pieces[0]
            yield from ((start + origin, end + origin, instead) for start, end, instead in spans)
            return
        for start, end, instead in spans:
            at = bisect_right(self._starts, start) - 1
            while at < len(self._pieces) and self._starts[at] < end:
                if self._pieces[at][1] != _NOWHERE:
                    yield self._back(at, start, end, instead)
                at += 1

    def _is_one_piece(self) -> bool:
        """Of the other text, as it stands there."""
        if len(self._pieces) != 1:
            return False
        part, origin, end = self._pieces[0]
        return end - origin == len(part)

    def _back(self, at: int, start: int, end: int, instead: bytes) -> Span:
        first, (part, origin, origin_end) = self._starts[at], self._pieces[at]
        shift = origin - first
        if origin_end - origin == len(part):  # as it was printed, as most are
            begin = start + shift if start > first else origin
            done = end + shift
            return begin, done if done < origin_end else origin_end, instead
        step = max(1, (origin_end - origin) // len(part))
        begin = origin + max(0, start - first) * step
        done = origin_end if end >= first + len(part) else origin + (end - first) * step
        return begin, done, IN_HEX if step == _HEX_STEP and len(part) > 1 else instead


IN_HEX: Final = b"2A2A2A"
"""What is masked in hex stays hex."""
_HEX_STEP: Final = 2
_NOWHERE: Final = -1


def unescape(text: bytes) -> View | None:
    """The lines that have an escape, without the outermost; None if none has."""
    if not any(sign in text for sign in _SIGNS):
        return None
    pieces: list[_Piece] = []
    done, line_end = 0, -1
    for found in _ESCAPE.finditer(text):
        start, end = found.span()
        if start > line_end:
            if done <= line_end:
                pieces.append((text[done : line_end + 1], done, line_end + 1))
            done = text.rfind(b"\n", 0, start) + 1
            line_end = text.find(b"\n", start)
            line_end = len(text) if line_end < 0 else line_end
        if start > done:
            pieces.append((text[done:start], done, start))
        pieces.append((_PLAIN.get(found[0]) or _plain(found), start, end))
        done = end
    view = View()
    view.add_all(pieces)
    view.add(text[done : line_end + 1], done, min(line_end + 1, len(text)))
    return view if pieces else None


_PLAIN: Final[dict[bytes, bytes]] = {}
"""What was looked up before; there are few escapes."""


def _plain(found: re.Match[bytes]) -> bytes:
    kind = found.lastindex or 0
    value: bytes = found[kind]
    if base := _BASE.get(kind):
        plain = bytes((int(value, base) & 0xFF,))
    elif kind == _BACKSLASH:
        plain = _LETTERS.get(value, value)
    else:
        plain = _NAMED[value.lower()]
    return _PLAIN.setdefault(found[0], plain)
