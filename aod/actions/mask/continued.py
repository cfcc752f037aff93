"""A command line that was too long for a record: sudo goes on with `(command continued)`, audit
with `a3[1]=` (audit_log_execve_info in kernel/auditsc.c), in the same line or in one of its own.
A secret may have been cut in two, and so may its name."""

import re
from collections.abc import Iterator
from typing import Final

from aod.actions.mask import audit
from aod.actions.mask.views import View

_COMMANDS: Final = (re.compile(rb"COMMAND="), re.compile(rb"\(command continued\)()[ \t]?"))
_ARGUMENT: Final = re.compile(
    rb" a([0-9]{1,6})(?:\[([0-9]{1,6})\])?=(?:\"([^\"\n]*)\"|((?:[0-9A-Fa-f]{2})+))"
)
_IN_HEX: Final = 4
_WHO: Final = re.compile(rb"(\S{1,64}:[ \t]+\S{1,64}) : ")
_SERIAL: Final = re.compile(rb"audit\([0-9.]{1,32}:([0-9]{1,20})\)")
_PREFIX_BYTES: Final = 256
_KEPT_BYTES: Final = 1 << 10
_MOST_KEPT: Final = 32

_Key = tuple[bytes, bytes]
"""Program and user; the number of a record, and that it is one of audit."""
_Piece = tuple[bytes, int, int]
"""What it reads, from where to where; before the text of now if that is -1."""


class Continued:
    """What was read last of each command line, so that the next record is read behind it."""

    def __init__(self) -> None:
        self._ends: dict[_Key, bytes] = {}

    def views(self, text: bytes) -> Iterator[View]:
        """The command lines of these lines, each in one, if any was continued; with a blank between
        two records of sudo, too, as it drops one where it cuts."""
        pieces = _Pieces(self._ends)
        if b"COMMAND=" in text or b"(command continued)" in text:
            pieces.add_commands(text)
        if b"EXECVE" in text or b"type=1309" in text:
            pieces.add_arguments(text)
        self._ends = dict(list(pieces.ends())[-_MOST_KEPT:])
        if pieces.are_continued:
            yield pieces.view(b"")
            yield pieces.view(b" ")


class _Pieces:
    """The pieces of each command line."""

    def __init__(self, ends: dict[_Key, bytes]) -> None:
        self.are_continued = False
        self._lines: dict[_Key, list[_Piece]] = {key: [(end, -1, -1)] for key, end in ends.items()}

    def add_commands(self, text: bytes) -> None:
        """sudo's: from the first sign in a line to its end."""
        found = [one for pattern in _COMMANDS for one in pattern.finditer(text)]
        end = -1
        for one in sorted(found, key=re.Match.start):
            if one.start() < end:
                continue
            begin = text.rfind(b"\n", max(end, 0), one.start()) + 1
            who = _WHO.search(text, begin, min(one.start(), begin + _PREFIX_BYTES))
            end = text.find(b"\n", one.end())
            end = len(text) if end < 0 else end
            piece = (text[one.end() : end], one.end(), end)
            between = b"\n" if one.lastindex is None else b""
            self._add((who[1] if who else b"", b""), piece, between)

    def add_arguments(self, text: bytes) -> None:
        """audit's."""
        done, key = -1, (b"", b"audit")
        for one in _ARGUMENT.finditer(text):
            begin = text.rfind(b"\n", max(done, 0), one.start()) + 1
            if begin or done < 0:
                serial = _SERIAL.search(text, begin, min(one.start(), begin + _PREFIX_BYTES))
                key = (serial[1] if serial else b"", b"audit")
            kind, done = one.lastindex or 0, one.end()
            piece = (audit.plain(one[kind], is_hex=kind == _IN_HEX), *one.span(kind))
            is_first = not int(one[2] or 0)
            if int(one[1]) and self._is_of_another_line(text, key, one.start()):
                self.are_continued = True
            self._add(key, piece, (b"\0" if int(one[1]) else b"\n") if is_first else b"")

    def _is_of_another_line(self, text: bytes, key: _Key, at: int) -> bool:
        for _, _, end in self._lines.get(key, [])[-1:]:
            return end < 0 or text.find(b"\n", end, at) >= 0
        return False

    def _add(self, key: _Key, piece: _Piece, between: bytes) -> None:
        line = self._lines[key] = self._lines.pop(key, [])  # the newest is the last
        line += [(between, -1, -1), piece] if between else [piece]
        self.are_continued = self.are_continued or not between

    def view(self, between: bytes) -> View:
        """All command lines; `between` stands between what sudo has cut."""
        view = View()
        for (_, record), line in self._lines.items():
            for text, origin, end in line:
                if origin < 0:
                    view.add_foreign(text)
                else:
                    view.add(text, origin, end)
                if text != b"\n" and not record:
                    view.add_foreign(between)
            view.add_foreign(b"\n")
        return view

    def ends(self) -> Iterator[tuple[_Key, bytes]]:
        """What may be continued in the next lines."""
        for key, line in self._lines.items():
            kept = b""
            for piece, _, _ in reversed(line):
                if piece == b"\n" or len(kept) >= _KEPT_BYTES:
                    break
                kept = piece[-_KEPT_BYTES:] + kept
            yield key, kept[-_KEPT_BYTES:]
